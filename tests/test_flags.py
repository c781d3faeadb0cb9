"""Flags: told once per part and kind, in words."""

from dlbench.results.records.marks import FLAGS
from dlbench.results.records.model import Case
from dlbench.results.summaries.flags import blocking, flagged, flags_of, notes
from dlbench.results.summaries.rows import rows_of

from .synthetic_runs import DIGITS, run_of, trial

TRAIN = Case.of("digits_cnn", backend="jax", phase="train")
SINGLE = TRAIN.with_({"phase": "infer", "batch_size": 1})


def test_flags_are_counted_per_part_and_kind() -> None:
    trials = [
        trial(TRAIN, 0, flags={"recompiled": "4 compilations in 40 measured steps."}),
        trial(TRAIN, 1, flags={"recompiled": "5 compilations in 40 measured steps", "leaking": "2 MB a step"}),
        trial(TRAIN, 2),
        trial(SINGLE, 0, flags={"disturbed": "", "recompiled": "1 compilation"}),
    ]
    (row,) = rows_of(run_of(trials, workloads=(DIGITS,)))
    assert notes(flags_of(row)) == [
        "recompiled: 2 of 3 in training, 1 of 1 in latency (4 compilations in 40 measured steps)",
        "leaking: 1 of 3 in training (2 MB a step)",
        f"disturbed: 1 of 1 in latency ({FLAGS['disturbed']})",
    ]
    assert flagged(row.train) == 2
    assert blocking(row.train) == ("recompiled", "leaking")


def test_a_trial_that_plays_two_parts_is_told_once() -> None:
    (row,) = rows_of(run_of([trial(SINGLE, flags={"imprecise": "it was"})]))
    assert len(row.infer) == len(row.latency) == 1
    assert [found.part for found in flags_of(row)] == ["infer"]


def test_what_never_settled_has_its_own_sign() -> None:
    trials = [trial(TRAIN, flags={"unsettled": "it never did"})]
    (row,) = rows_of(run_of(trials))
    assert flags_of(row) == ()
    assert flagged(trials) == 0
    assert blocking(trials) == ()
