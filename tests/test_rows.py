"""Rows: which cases stand together."""

from dataclasses import replace

from dlbench.results.records.model import Case, LeftOut, Run
from dlbench.results.summaries.rows import rows_of

from .synthetic_runs import DIGITS, failure, header, run_of, trial

JAX = Case.of("digits_cnn", backend="jax")
TRAIN, CONVERGE = JAX.with_({"phase": "train"}), JAX.with_({"phase": "converge"})
SINGLE, INFER = JAX.with_({"phase": "infer", "batch_size": 1}), JAX.with_({"phase": "infer"})


def test_phases_of_one_backend_are_one_row() -> None:
    (row,) = rows_of(run_of([trial(case) for case in (TRAIN, CONVERGE, SINGLE, INFER)]))
    assert [len(part) for part in (row.train, row.infer, row.latency, row.converge)] == [1, 1, 1, 1]
    assert row.latency[0].case == SINGLE
    assert row.group.batch_size == DIGITS.batch_size
    assert len(row.trials) == 4


def test_the_workloads_own_batch_size_may_be_written_out() -> None:
    (row,) = rows_of(run_of([trial(TRAIN), trial(INFER.with_({"batch_size": 64}))]))
    assert len(row.infer) == 1


def test_training_for_some_epochs_stands_beside_the_other_phases() -> None:
    (row,) = rows_of(run_of([trial(TRAIN), trial(CONVERGE.with_({"epochs": 6}))]))
    assert (len(row.train), len(row.converge), row.group.others) == (1, 1, ())


def test_training_with_another_stop_is_never_in_the_same_row() -> None:
    rows = rows_of(run_of([trial(TRAIN), trial(CONVERGE), trial(CONVERGE.with_({"epochs": 6}))]))
    assert [(len(row.train), len(row.converge), row.group.get("epochs")) for row in rows] == [(1, 1, None), (0, 1, 6)]


def test_latency_belongs_to_every_batch_size() -> None:
    large = TRAIN.with_({"batch_size": 256})
    rows = rows_of(run_of([trial(TRAIN), trial(large), trial(SINGLE)]))
    assert [row.group.batch_size for row in rows] == [64, 256]
    assert [len(row.latency) for row in rows] == [1, 1]
    assert [len(row.infer) for row in rows] == [0, 0]


def test_batch_size_one_gives_latency_and_throughput() -> None:
    (row,) = rows_of(run_of([trial(SINGLE)]))
    assert len(row.latency) == len(row.infer) == len(row.trials) == 1
    assert row.group.batch_size == 1


def test_other_factors_make_other_groups_and_defaults_do_not() -> None:
    cases = [TRAIN, TRAIN.with_({"precision": "float32"}), TRAIN.with_({"p.depth": 3})]
    rows = rows_of(run_of([trial(case) for case in cases]))
    assert [row.group.others for row in rows] == [(), (("p.depth", 3),)]
    assert len(rows[0].train) == 2
    assert rows[1].group.get("p.depth") == 3
    assert rows[1].group.get("precision") == "float32"


def test_sides_are_kept_apart() -> None:
    rows = rows_of(run_of([trial(TRAIN, side="a"), trial(TRAIN, side="b")]))
    assert [(row.group.side, len(row.train)) for row in rows] == [("a", 1), ("b", 1)]


def test_what_gave_no_number_is_a_row() -> None:
    torch = Case.of("digits_cnn", backend="torch", phase="train")
    run = run_of([trial(TRAIN)], [failure(torch, "crashed", "signal 11")])
    left_out = LeftOut(Case.of("digits_cnn", backend="tensorflow"), "not installed")
    planned = (*run.header.cases, CONVERGE)
    run = replace(run, header=replace(run.header, cases=planned, left_out=(left_out,)))
    rows = {row.backend: row for row in rows_of(run)}
    assert list(rows) == ["jax", "torch", "tensorflow"]
    assert rows["jax"].unmeasured == [CONVERGE]
    assert rows["torch"].failures[0].message == "signal 11"
    assert rows["tensorflow"].left_out == [left_out]


def test_workloads_come_in_the_order_of_the_header() -> None:
    run = run_of([trial(Case.of(name, backend="jax", phase="train")) for name in ("odd", "mixture_mlp", "digits_cnn")])
    assert [row.group.workload for row in rows_of(run)] == ["digits_cnn", "mixture_mlp", "odd"]


def test_every_phase_has_its_own_part() -> None:
    phases = {name: JAX.with_({"phase": name}) for name in ("train", "parts", "memory", "scenario")}
    (row,) = rows_of(run_of([trial(case) for case in phases.values()]))
    assert {name: [t.case for t in row.part(name)] for name in phases} == {name: [c] for name, c in phases.items()}
    assert len(row.trials) == 4
    assert row.part("a phase to come") == []


def test_scenarios_and_their_bounds_stand_in_one_row() -> None:
    case = JAX.with_({"phase": "scenario", "scenario": "server", "latency_bound_s": 0.01})
    (row,) = rows_of(run_of([trial(TRAIN), trial(case), trial(case.with_({"scenario": "offline"}))]))
    assert [t.case.get("scenario") for t in row.scenario] == ["server", "offline"]


def test_a_batch_that_only_generates_is_no_batch_of_forward_passes() -> None:
    many, one = JAX.with_({"phase": "generate"}), JAX.with_({"phase": "generate", "batch_size": 1})
    rows = rows_of(run_of([trial(INFER), trial(SINGLE), trial(many), trial(one)]))
    assert [row.group.batch_size for row in rows] == [64, 1]
    assert [[len(row.part(part)) for part in ("infer", "latency", "generate")] for row in rows] == [
        [1, 1, 1],
        [0, 0, 1],
    ]
    (single, alone) = rows_of(run_of([trial(many), trial(SINGLE)]))
    assert [len(row.part("infer")) for row in (single, alone)] == [0, 1]
    assert [row.group.batch_size for row in (single, alone)] == [64, 1]


def test_executions_lanes_feeds_and_threads_make_groups() -> None:
    factors = ({"execution": "fit"}, {"lane": "matched"}, {"feed": "numpy"}, {"threads": 1})
    rows = rows_of(run_of([trial(TRAIN), *(trial(TRAIN.with_(given)) for given in factors)]))
    assert len({row.group for row in rows}) == 5
    assert {row.group.without(*(name for given in factors for name in given)) for row in rows} == {rows[0].group}


def test_an_empty_run_has_no_rows() -> None:
    assert rows_of(Run(header(()), (), (), (), None)) == []
