"""`dlbench run` as typed: its options and its help."""

import sys
from typing import Annotated

import typer

from .common_options import (
    BackendOption,
    ParameterOption,
    ProgressOption,
    ProgressStyle,
    ReportOption,
    RunFormat,
    RunFormatOption,
    StoreOption,
    WorkloadOption,
    complete_environment,
    complete_suite,
    complete_workload,
)


def run(
    targets: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[WORKLOAD|MODEL]...",
            help="Workloads of the catalog; or your own model: FILE.py, FILE.py:FUNCTION, FILE.keras, "
            "keras.applications:NAME, keras_hub:NAME.",
            autocompletion=complete_workload,
        ),
    ] = None,
    workload: WorkloadOption = None,
    backend: BackendOption = None,
    env: Annotated[
        list[str] | None,
        typer.Option(
            "--env",
            metavar="NAME[=PYTHON]",
            help="Interpreters of the workers: NAME=/path/to/python, a name from `dlbench env list`, or current (this "
            "one; default). Several are compared in one table.",
            autocompletion=complete_environment,
        ),
    ] = None,
    phase: Annotated[
        list[str] | None,
        typer.Option(
            "--phase",
            help="train, infer, converge; parts (forward, backward, update, feed), memory (exact, in processes of its "
            "own), scenario (MLPerf's), generate (text: time to first token, tokens per second). Default: the suite's.",
        ),
    ] = None,
    precision: Annotated[
        list[str] | None,
        typer.Option("--precision", help="float32 (default), mixed_bfloat16, mixed_float16."),
    ] = None,
    batch_size: Annotated[
        list[str] | None, typer.Option("--batch-size", help="Samples per step. Default: the workload's.")
    ] = None,
    device: Annotated[
        list[str] | None,
        typer.Option("--device", help="auto (default: the best that every chosen backend can use), cpu, gpu."),
    ] = None,
    execution: Annotated[
        list[str] | None,
        typer.Option(
            "--execution",
            help="step (default: Keras' documented custom-loop API in a tight loop), fit (Keras' own fit and predict), "
            "native (a twin written in the framework, for workloads that have one).",
        ),
    ] = None,
    compile_mode: Annotated[
        list[str] | None,
        typer.Option("--compile", help="auto (default: as each framework comes), eager, jit, xla."),
    ] = None,
    lane: Annotated[
        list[str] | None,
        typer.Option(
            "--lane",
            help="default (each framework as it comes), matched (compiled, full float32, dense embedding gradients and "
            "the same threads everywhere).",
        ),
    ] = None,
    cache: Annotated[
        list[str] | None,
        typer.Option(
            "--cache", help="Compiled code at the start of a worker: cold (default, none), warm (of another)."
        ),
    ] = None,
    feed: Annotated[
        list[str] | None,
        typer.Option(
            "--feed",
            help="How batches reach a training step: device (placed beforehand; default), numpy (default of fit), "
            "pydataset, tfdata, dataloader.",
        ),
    ] = None,
    threads: Annotated[
        list[str] | None,
        typer.Option("--threads", help="Cores and threads of each worker. Default: all usable cores."),
    ] = None,
    optimizer: Annotated[
        list[str] | None,
        typer.Option(
            "--optimizer",
            metavar="NAME[:RATE]",
            help="One of Keras' in place of the workload's: sgd, adam:0.01, sgd:0.1:momentum=0.9 …",
        ),
    ] = None,
    cpus: Annotated[
        str | None, typer.Option("--cpus", metavar="LIST", help="Cores to measure on, such as 0-3,6. Default: all.")
    ] = None,
    parameter: ParameterOption = None,
    suite: Annotated[
        str,
        typer.Option(
            "--suite",
            help="Workloads, phases and effort in one word, see `list suites`.",
            autocompletion=complete_suite,
        ),
    ] = "quick",
    trials: Annotated[
        int | None, typer.Option("--trials", "-n", help="Processes per case (blocks). Default: the suite's.")
    ] = None,
    min_time: Annotated[
        str | None, typer.Option("--min-time", help="Seconds of windows per case, at least. Default: the suite's.")
    ] = None,
    min_steps: Annotated[int | None, typer.Option("--min-steps", help="Steps per case, at least.")] = None,
    rel_precision: Annotated[
        float | None,
        typer.Option(
            "--rel-precision",
            metavar="SHARE",
            help="Measure until the interval of the step time is this narrow on either side, such as 0.01; at most "
            "four times the seconds.",
        ),
    ] = None,
    scenario: Annotated[
        list[str] | None,
        typer.Option("--scenario", help="single_stream, multi_stream, server, offline; needs the extra `loadgen`."),
    ] = None,
    latency_bound: Annotated[
        str | None,
        typer.Option("--latency-bound", help="What scenario server must hold, such as 20ms. Default: 50ms."),
    ] = None,
    find_max_batch: Annotated[
        bool,
        typer.Option("--find-max-batch", help="Find the largest batch that trains, and the throughput on the way."),
    ] = False,
    memory_limit: Annotated[
        str | None,
        typer.Option("--memory-limit", help="Memory of a worker, such as 4GB: allocations beyond it fail."),
    ] = None,
    price: Annotated[
        float | None, typer.Option("--price", help="Price of this machine per hour, for the cost columns.")
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(
            "--epochs",
            metavar="N",
            help="Train exactly so many epochs in phase converge, past the target. Default: stop at the target.",
        ),
    ] = None,
    accuracy_margin: Annotated[
        float | None,
        typer.Option(
            "--accuracy-margin",
            metavar="VALUE",
            help="Difference in the test metric that does not matter, in its unit. Default: the metric's.",
        ),
    ] = None,
    budget: Annotated[
        str | None, typer.Option("--budget", help="Choose the trials to fit a time such as 90s, 10m, 1h30m.")
    ] = None,
    timeout: Annotated[str, typer.Option("--timeout", help="Time limit of one job.")] = "10m",
    fail_fast: Annotated[bool, typer.Option("--fail-fast", help="End the run at the first failure.")] = False,
    allow_import: Annotated[
        list[str] | None,
        typer.Option(
            "--allow-import",
            metavar="NAME",
            help="Let workers import this other framework; marked in the results.",
        ),
    ] = None,
    allow_code: Annotated[
        bool,
        typer.Option("--allow-code", help="Run the code that a .keras file holds, such as a Lambda layer's."),
    ] = False,
    label: Annotated[str | None, typer.Option("--label", help="A name by which to find this run again.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan and how long it will take.")] = False,
    progress: ProgressOption = ProgressStyle.auto,
    output_format: RunFormatOption = RunFormat.table,
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write the result to a file, not to stdout."),
    ] = None,
    report: ReportOption = None,
    store: StoreOption = None,
) -> None:
    """Measure workloads on each backend and show one table per workload.

    Cases are the product of what the options list; each block measures every case once, in fresh processes and in
    shuffled order. Every option that takes names takes a comma list.

    Examples:
      dlbench run                                     the quick suite, about five minutes

      dlbench run digits_cnn -b jax,torch -n 7        one workload, two backends, seven trials

      dlbench run my_model.py -p depth=4,8            your own model, at two depths

      dlbench run keras.applications:MobileNetV2      a published one, with random weights

      dlbench run -w grammar_gpt --precision float32,mixed_bfloat16 --phase train

      dlbench run digits_cnn --execution native,step,fit     what Keras costs on each framework

      dlbench run grammar_gpt --lane matched          the same mode and semantics everywhere

      dlbench run digits_cnn --phase converge,train --epochs 20 -n 10     accuracy at a fixed epoch

      dlbench run cancer_mlp -b jax --env current --env old=/opt/old/bin/python     two versions of JAX, side by side

      dlbench run --phase memory                      exact memory, in processes of its own

      dlbench run grammar_gpt --phase generate -p prompt=8,24 -p new_tokens=8     tokens per second, with a cache

      dlbench run --budget 30m --label before         as many trials as fit; find it again by its label

    Exit status: 0 fine, 2 wrong use, 3 nothing measured, 4 a case broke, 130 interrupted.

    """
    from ..commands.run import run_command
    from ..commands.run_arguments import RunArguments

    arguments = RunArguments(
        workloads=(*(targets or ()), *(workload or ())),
        backends=tuple(backend or ()),
        phases=tuple(phase or ()),
        precisions=tuple(precision or ()),
        batch_sizes=tuple(batch_size or ()),
        devices=tuple(device or ()),
        executions=tuple(execution or ()),
        compiles=tuple(compile_mode or ()),
        lanes=tuple(lane or ()),
        caches=tuple(cache or ()),
        feeds=tuple(feed or ()),
        threads=tuple(threads or ()),
        optimizers=tuple(optimizer or ()),
        cpus=cpus,
        min_time=min_time,
        min_steps=min_steps,
        rel_precision=rel_precision,
        scenarios=tuple(scenario or ()),
        latency_bound=latency_bound,
        find_max_batch=find_max_batch,
        memory_limit=memory_limit,
        price=price,
        epochs=epochs,
        accuracy_margin=accuracy_margin,
        parameters=tuple(parameter or ()),
        allow_import=tuple(allow_import or ()),
        suite=suite,
        trials=trials,
        budget=budget,
        timeout=timeout,
        fail_fast=fail_fast,
        allow_code=allow_code,
        label=label,
        dry_run=dry_run,
        progress=progress.value,
        output_format=output_format.value,
        output=output,
        store=store,
        environments=tuple(env or ()),
        reports=tuple(report or ()),
    )
    raise typer.Exit(run_command(arguments, sys.argv[1:]))
