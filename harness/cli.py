"""The command line: commands, options and help. What they do is imported when they run, so that `--help` is fast."""

import os
import sys
from enum import StrEnum
from typing import Annotated

import typer

app = typer.Typer(
    name="dlbench",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class Format(StrEnum):
    """How results are printed."""

    table = "table"
    markdown = "markdown"
    csv = "csv"
    json = "json"


class ProgressStyle(StrEnum):
    """How progress is shown on stderr."""

    auto = "auto"
    live = "live"
    plain = "plain"
    jsonl = "jsonl"
    off = "off"


class Listing(StrEnum):
    """What `dlbench list` can list."""

    workloads = "workloads"
    backends = "backends"
    devices = "devices"
    suites = "suites"
    runs = "runs"


def _complete_workload(incomplete: str) -> list[str]:
    from ..workloads.catalog import names

    return [name for name in names() if name.startswith(incomplete)]


def _complete_backend(incomplete: str) -> list[str]:
    return [name for name in ("jax", "torch", "tensorflow") if name.startswith(incomplete)]


def _complete_suite(incomplete: str) -> list[str]:
    from .suites import load_suites

    return [name for name in load_suites() if name.startswith(incomplete)]


def _version(wanted: bool) -> None:
    if wanted:
        from .. import __version__

        typer.echo(f"dlbench {__version__}")
        raise typer.Exit


StoreOption = Annotated[
    str | None,
    typer.Option("--store", help="Folder of stored runs. Default: $DLBENCH_STORE, else .dlbench here."),
]
FormatOption = Annotated[Format, typer.Option("--format", "-f", help="Form of the result on stdout.")]


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks of errors.")] = False,
) -> None:
    """Compare JAX, PyTorch and TensorFlow on the same workload: accuracy, throughput and memory, measured fairly.

    A workload is defined once in Keras 3 and measured on each backend in processes of its own, in shuffled order,
    several times; the table says how sure it is.

    Start with:   dlbench doctor      then:   dlbench run
    """
    if debug:
        os.environ["DLBENCH_DEBUG"] = "1"


@app.command()
def run(
    targets: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[WORKLOAD|FILE]...",
            help="Workloads of the catalog, or a Python file with a function that returns a Keras model "
            "(FILE.py or FILE.py:FUNCTION).",
            autocompletion=_complete_workload,
        ),
    ] = None,
    workload: Annotated[
        list[str] | None,
        typer.Option("--workload", "-w", help="The same, as a comma list.", autocompletion=_complete_workload),
    ] = None,
    backend: Annotated[
        list[str] | None,
        typer.Option(
            "--backend",
            "-b",
            help="jax, torch, tensorflow. Default: all that work here.",
            autocompletion=_complete_backend,
        ),
    ] = None,
    phase: Annotated[
        list[str] | None,
        typer.Option(
            "--phase",
            help="train, infer, converge; parts (forward, backward, update, feed), memory (exact, in processes of its "
            "own), scenario (MLPerf's). Default: the suite's.",
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
    cpus: Annotated[
        str | None, typer.Option("--cpus", metavar="LIST", help="Cores to measure on, such as 0-3,6. Default: all.")
    ] = None,
    parameter: Annotated[
        list[str] | None,
        typer.Option("--parameter", "-p", metavar="NAME=V[,V]", help="A size of the workload, see `list workloads`."),
    ] = None,
    suite: Annotated[
        str,
        typer.Option(
            "--suite",
            help="Workloads, phases and effort in one word, see `list suites`.",
            autocompletion=_complete_suite,
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
    label: Annotated[str | None, typer.Option("--label", help="A name by which to find this run again.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan and how long it will take.")] = False,
    progress: Annotated[ProgressStyle, typer.Option("--progress", help="Progress on stderr.")] = ProgressStyle.auto,
    output_format: FormatOption = Format.table,
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write the result to a file, not to stdout."),
    ] = None,
    store: StoreOption = None,
) -> None:
    """Measure workloads on each backend and show one table per workload.

    Cases are the product of what the options list; each block measures every case once, in fresh processes and in
    shuffled order. Every option that takes names takes a comma list.

    Examples:
      dlbench run                                     the quick suite, about five minutes

      dlbench run digits_cnn -b jax,torch -n 7        one workload, two backends, seven trials

      dlbench run my_model.py -p depth=4,8            your own model, at two depths

      dlbench run -w grammar_gpt --precision float32,mixed_bfloat16 --phase train

      dlbench run digits_cnn --execution native,step,fit     what Keras costs on each framework

      dlbench run grammar_gpt --lane matched          the same mode and semantics everywhere

      dlbench run --phase memory                      exact memory, in processes of its own

      dlbench run --budget 30m --label before         as many trials as fit; find it again by its label

    Exit status: 0 fine, 2 wrong use, 3 nothing measured, 4 a case broke, 130 interrupted.

    """
    from .run_command import RunArguments, run_command

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
        cpus=cpus,
        min_time=min_time,
        min_steps=min_steps,
        rel_precision=rel_precision,
        scenarios=tuple(scenario or ()),
        latency_bound=latency_bound,
        find_max_batch=find_max_batch,
        memory_limit=memory_limit,
        price=price,
        parameters=tuple(parameter or ()),
        allow_import=tuple(allow_import or ()),
        suite=suite,
        trials=trials,
        budget=budget,
        timeout=timeout,
        fail_fast=fail_fast,
        label=label,
        dry_run=dry_run,
        progress=progress.value,
        output_format=output_format.value,
        output=output,
        store=store,
    )
    raise typer.Exit(run_command(arguments, sys.argv[1:]))


@app.command("list")
def list_(
    what: Annotated[Listing, typer.Argument(help="What to list.")],
    refresh: Annotated[bool, typer.Option("--refresh", help="Probe the frameworks anew.")] = False,
    store: StoreOption = None,
) -> None:
    """List workloads, backends, devices, suites or stored runs.

    Examples:
      dlbench list workloads            with their parameters

      dlbench list devices --refresh    after a driver or a framework was installed

    """
    from .list_command import list_command

    list_command(what.value, refresh=refresh, store=store)


@app.command()
def show(
    run: Annotated[
        str, typer.Argument(metavar="[RUN]", help="Id or its prefix, latest, latest~1, a label, or a file.")
    ] = "latest",
    workload: Annotated[list[str] | None, typer.Option("--workload", "-w", help="Only these workloads.")] = None,
    backend: Annotated[list[str] | None, typer.Option("--backend", "-b", help="Only these backends.")] = None,
    phase: Annotated[list[str] | None, typer.Option("--phase", help="Only these phases.")] = None,
    output_format: FormatOption = Format.table,
    store: StoreOption = None,
) -> None:
    """Show a stored run again; no framework is needed for that.

    Examples:
      dlbench show                          the latest run

      dlbench show latest~1 -w digits_cnn   the one before, one workload

      dlbench show before -f markdown       the run labelled "before", for a document

    """
    from .show_command import show_command

    raise typer.Exit(
        show_command(run, tuple(workload or ()), tuple(backend or ()), tuple(phase or ()), output_format.value, store)
    )


@app.command()
def verify(
    targets: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[WORKLOAD|FILE]...",
            help="Workloads of the catalog, or Python files with a model. Default: the whole catalog.",
            autocompletion=_complete_workload,
        ),
    ] = None,
    workload: Annotated[
        list[str] | None,
        typer.Option("--workload", "-w", help="The same, as a comma list.", autocompletion=_complete_workload),
    ] = None,
    backend: Annotated[
        list[str] | None,
        typer.Option(
            "--backend",
            "-b",
            help="jax, torch, tensorflow. Default: all that work here.",
            autocompletion=_complete_backend,
        ),
    ] = None,
    parameter: Annotated[
        list[str] | None,
        typer.Option("--parameter", "-p", metavar="NAME=V[,V]", help="A size of the workload, see `list workloads`."),
    ] = None,
    lane: Annotated[
        str,
        typer.Option("--lane", help="default (what users get), matched (the same semantics everywhere)."),
    ] = "default",
    device: Annotated[str, typer.Option("--device", help="auto, cpu, gpu.")] = "auto",
    steps: Annotated[int, typer.Option("--steps", help="Training steps of the trajectory.")] = 10,
    allow_import: Annotated[
        list[str] | None,
        typer.Option("--allow-import", metavar="NAME", help="Let the processes import this other framework."),
    ] = None,
    determinism: Annotated[
        bool,
        typer.Option(help="Run each backend a second time, and in its deterministic mode, for what that costs."),
    ] = True,
    timeout: Annotated[str, typer.Option("--timeout", help="Time limit of one process.")] = "10m",
    progress: Annotated[ProgressStyle, typer.Option("--progress", help="Progress on stderr.")] = ProgressStyle.auto,
    output_format: Annotated[
        str, typer.Option("--format", "-f", metavar="table|json", help="Form of the result on stdout.")
    ] = "table",
    store: StoreOption = None,
) -> None:
    """Check whether the backends compute the same: outputs, loss, gradients, ten steps of training.

    From the same weights and batches, against a float64 reference, within tolerances that follow from it. What is
    found is stored, and quoted under later tables.

    Examples:
      dlbench verify                            the whole catalog

      dlbench verify grammar_gpt --lane matched     where the semantics are the same everywhere

      dlbench verify my_model.py -b jax,torch

    Exit status: 0 the same, 1 a backend differs, 2 wrong use, 3 nothing to compare, 4 something broke.

    """
    from .verify_command import VerifyArguments, verify_command

    raise typer.Exit(
        verify_command(
            VerifyArguments(
                workloads=(*(targets or ()), *(workload or ())),
                backends=tuple(backend or ()),
                parameters=tuple(parameter or ()),
                lane=lane,
                device=device,
                steps=steps,
                allow_import=tuple(allow_import or ()),
                determinism=determinism,
                timeout=timeout,
                progress=progress.value,
                output_format=output_format,
                store=store,
            )
        )
    )


@app.command()
def calibrate(
    backend: Annotated[
        list[str] | None,
        typer.Option(
            "--backend",
            "-b",
            help="jax, torch, tensorflow. Default: all that work here.",
            autocompletion=_complete_backend,
        ),
    ] = None,
    device: Annotated[
        str,
        typer.Option(
            "--device", help="auto (default: every kind for the ceilings, the best common one for noise), cpu, gpu."
        ),
    ] = "auto",
    budget: Annotated[
        str, typer.Option("--budget", help="What the ceilings leave of it goes to comparisons; one is made at least.")
    ] = "10m",
    timeout: Annotated[str, typer.Option("--timeout", help="Time limit of one process.")] = "10m",
    progress: Annotated[ProgressStyle, typer.Option("--progress", help="Progress on stderr.")] = ProgressStyle.auto,
    store: StoreOption = None,
) -> None:
    """Measure this machine and the instrument: clock and loop, ceilings, noise, false alarms.

    The figures are stored and quoted under later tables. Counts of false alarms add up over calls.

    Examples:
      dlbench calibrate                    about ten minutes

      dlbench calibrate --budget 1h        more comparisons of a case with itself

    """
    from .calibrate_command import calibrate_command

    raise typer.Exit(
        calibrate_command(
            backends=tuple(backend or ()),
            device=device,
            budget=budget,
            timeout=timeout,
            progress=progress.value,
            store=store,
            argv=sys.argv[1:],
        )
    )


@app.command()
def doctor(
    refresh: Annotated[bool, typer.Option("--refresh", help="Probe the frameworks anew.")] = False,
) -> None:
    """Check what is here: interpreter, frameworks, devices, and what would spoil a measurement, with its remedy."""
    from .doctor_command import doctor_command

    raise typer.Exit(doctor_command(refresh=refresh))
