"""Two environments in one table: told apart by name, compared as backends are, versions told below."""

import csv
import io
from dataclasses import replace

import numpy as np
import pytest
from dlbench.results.factors import Scalar
from dlbench.results.names import backend_name, contender
from dlbench.results.records.environment import BackendProbe, Environment
from dlbench.results.records.model import Case, Run
from dlbench.results.summaries.ledger import differences
from dlbench.results.summaries.rows import rows_of
from dlbench.results.tables.comparison import summarise
from dlbench.results.tables.export import as_csv, as_json, as_markdown
from dlbench.results.tables.frame import tidy
from dlbench.results.tables.terminal import render

from .synthetic_runs import converge_trial, run_of, train_trial

CASE = Case.of("digits_cnn", backend="jax", phase="train")
OLD = CASE.with_({"environment": "old"})
VERSIONS: dict[str | None, dict[str, Scalar]] = {
    None: {"framework_version": "0.10.2", "version_keras": "3.15.1", "version_numpy": "2.4.6"},
    "old": {"framework_version": "0.6.0", "version_keras": "3.10.0", "version_numpy": "2.1.0"},
}


def _environment(name: str, jax: str, keras: str, numpy: str, fingerprint: str) -> Environment:
    probe = BackendProbe("jax", jax, keras)
    return Environment(name, f"/{name}/python", "3.12.1", {"numpy": numpy}, (probe,), fingerprint)


ENVIRONMENTS = (
    _environment("current", "0.10.2", "3.15.1", "2.4.6", "aaaa"),
    _environment("old", "0.6.0", "3.10.0", "2.1.0", "bbbb"),
)


def _run(ledger: dict[str | None, dict[str, Scalar]] | None = None, blocks: int = 4) -> Run:
    """Make a run of two environments; the old one takes twice as long."""
    rng = np.random.default_rng(0)
    ledger = ledger or VERSIONS
    trials = []
    for block in range(blocks):
        for case, step in ((CASE, 0.002), (OLD, 0.004)):
            name = case.get("environment")
            extra = ledger[str(name) if name else None]
            made = train_trial(case, block, step, rng)
            learnt = converge_trial(case.with_({"phase": "converge"}), block, [0.9, 0.95, 0.97])
            trials += [replace(each, ledger={**each.ledger, **extra}) for each in (made, learnt)]
    run = run_of(trials)
    return replace(run, header=replace(run.header, environments=ENVIRONMENTS))


def test_environments_share_a_group_and_have_a_row_each() -> None:
    current, old = rows_of(_run())
    assert current.group == old.group
    assert [(row.backend, row.environment, row.contender) for row in (current, old)] == [
        ("jax", None, "jax"),
        ("jax", "old", "jax@old"),
    ]
    assert [len(row.train) for row in (current, old)] == [4, 4]


@pytest.mark.parametrize(
    ("name", "environment", "words"),
    [("jax", None, "JAX"), ("jax", "old", "JAX (old)"), ("onnx", "a.b-c", "onnx (a.b-c)")],
)
def test_a_contender_is_named_by_framework_and_environment(name: str, environment: str | None, words: str) -> None:
    assert backend_name(contender(name, environment)) == words


def test_one_environment_is_held_against_the_other() -> None:
    (group,) = summarise(_run())
    current, old = group.rows
    assert current.fastest
    assert old.ratio is not None
    assert old.ratio.estimate == pytest.approx(0.5, rel=0.05)
    assert old.standing is not None
    assert (old.standing.reference, old.standing.compared is not None) == ("jax", True)


def test_versions_under_comparison_are_no_difference_and_other_settings_are() -> None:
    run = _run()
    assert differences(rows_of(run)) != ()  # Told as they are when nobody says what is compared.
    (group,) = summarise(run)
    assert group.differences == ()
    assert group.rows[1].differs == ()
    fewer: dict[str | None, dict[str, Scalar]] = {
        None: {**VERSIONS[None], "threads": 2},
        "old": {**VERSIONS["old"], "threads": 1},
    }
    (group,) = summarise(_run(fewer))
    assert [(found.name, dict(found.sides)) for found in group.differences] == [
        ("threads", {"jax": "2", "jax@old": "1"})
    ]
    assert group.rows[1].differs == ("threads",)
    assert group.withheld == "JAX (old) ran with other threads"


def test_versions_of_backends_of_one_environment_are_still_told() -> None:
    rng = np.random.default_rng(0)
    trials = []
    for name, version in (("jax", "3.15.1"), ("torch", "3.14.0")):
        made = train_trial(CASE.with_({"backend": name}), 0, 0.002, rng)
        trials.append(replace(made, ledger={**made.ledger, "version_keras": version}))
    (group,) = summarise(run_of(trials))
    assert [found.name for found in group.differences] == ["version_keras"]


def test_each_row_has_the_version_of_its_own_environment_also_where_its_trials_do_not_tell_it() -> None:
    frame = tidy(_run())
    assert list(frame["environment"]) == ["current", "old"]
    assert list(frame["backend"]) == ["jax", "jax"]
    assert list(frame["framework_version"]) == ["0.10.2", "0.6.0"]
    without: dict[str | None, dict[str, Scalar]] = {None: {}, "old": {}}
    assert list(tidy(_run(without))["framework_version"]) == ["0.10.2", "0.6.0"]


def test_the_table_names_both_and_tells_their_versions_below() -> None:
    text = render(_run(), 120)
    assert "JAX 0.10.2 (current)" in text
    assert "JAX 0.6.0 (old)" in text
    assert "JAX 0.10.2 (current) trains fastest." in text
    assert "Software    current: Keras 3.15.1, Python 3.12.1, NumPy 2.4.6, JAX 0.10.2, fingerprint aaaa" in text
    assert "old: Keras 3.10.0, Python 3.12.1, NumPy 2.1.0, JAX 0.6.0, fingerprint bbbb" in text
    assert "Rows differ in" not in text


def test_the_exports_tell_the_environment() -> None:
    run = _run()
    assert '"environment": "old"' in as_json(run)
    assert "JAX 0.6.0 (old)" in as_markdown(run)
    assert [row["environment"] for row in csv.DictReader(io.StringIO(as_csv(run)))] == ["current", "old"]


def test_a_run_in_the_controllers_own_environment_says_nothing_of_it() -> None:
    run = _run()
    own = replace(
        run,
        header=replace(run.header, environments=ENVIRONMENTS[:1], cases=(CASE,)),
        trials=tuple(trial for trial in run.trials if trial.case.get("environment") is None),
    )
    text = render(own, 120)
    assert "(current)" not in text
    assert "Software    Keras 3.15.1, Python 3.12.1, dlbench" in text
    assert tidy(own)["environment"].isna().all()
