"""OpenMetrics: read back by a strict reader and as GitLab reads it, whatever the labels hold."""

import re
import shlex
from dataclasses import replace

import pytest
from dlbench.results.records.model import Case, Run
from dlbench.results.tables.openmetrics import as_openmetrics, identifier, label_name
from dlbench.results.tables.readings import subjects
from hypothesis import given
from hypothesis import strategies as st

from .rich_runs import duel, rich_run
from .sided import sided_run
from .strict_openmetrics import Family, read_openmetrics
from .synthetic_runs import DIGITS, converge_trial, full_run, header, run_of, trial, windows

EMPTY = Run(header(()), (), (), (), None)
SIDED = sided_run({"a": [1e-3] * 4, "b": [2e-3] * 4})
CASE = Case.of("digits_cnn", backend="jax", phase="train")


def of(family: Family, **labels: str) -> list[float]:
    """Return the samples that have these labels."""
    return [value for found, value in family.samples.items() if labels.items() <= dict(found).items()]


@pytest.mark.parametrize("run", [full_run(), rich_run(), duel(flags={"leaking": "2 MB"}), SIDED, EMPTY])
def test_every_reading_is_a_sample_and_nothing_else_is(run: Run) -> None:
    families = read_openmetrics(as_openmetrics(run))
    assert all(name.startswith("dlbench_") for name in families)
    assert all({"TYPE", "HELP"} <= family.metadata.keys() for family in families.values())
    counts = {"trials", "unsettled_trials", "flagged_trials", "failed_trials"}
    told = {name: family for name, family in families.items() if name.removeprefix("dlbench_") not in counts}
    every = subjects(run)
    values = sorted(value for family in told.values() for value in family.samples.values())
    assert values == sorted(reading.value for subject in every for reading in subject.readings)
    for subject in every:
        labels = frozenset((label_name(name), text) for name, text in subject.labels.items())
        assert families["dlbench_trials"].samples[labels] == subject.trials
        assert families["dlbench_failed_trials"].samples[labels] == subject.failed
        for reading in subject.readings:
            assert families[f"dlbench_{reading.measure.name}"].samples[labels] == reading.value


def test_units_end_the_names() -> None:
    families = read_openmetrics(as_openmetrics(rich_run()))
    found = {name: family.metadata.get("UNIT") for name, family in families.items()}
    assert found["dlbench_throughput_samples_per_second"] == "samples_per_second"
    assert found["dlbench_latency_p50_seconds"] == "seconds"
    assert found["dlbench_memory_exact_bytes"] == "bytes"
    assert found["dlbench_trials"] is None


def test_sides_are_told_apart() -> None:
    families = read_openmetrics(as_openmetrics(SIDED))
    for name in ("throughput", "throughput_p90"):
        family = families[f"dlbench_{name}_samples_per_second"]
        assert (of(family, side="a"), of(family, side="b")) == ([pytest.approx(32e3)], [pytest.approx(16e3)])


def test_what_failed_has_a_count_and_no_figure() -> None:
    families = read_openmetrics(as_openmetrics(full_run()))
    lost = {"workload": "language_model", "backend": "torch"}
    assert of(families["dlbench_failed_trials"], **lost) == [3]
    assert of(families["dlbench_trials"], **lost) == [0]
    assert of(families["dlbench_throughput_samples_per_second"], **lost) == []


def test_a_phase_without_a_steady_state_has_no_count_of_those_that_missed_it() -> None:
    families = read_openmetrics(as_openmetrics(rich_run()))
    assert of(families["dlbench_unsettled_trials"], phase="memory") == []
    assert of(families["dlbench_unsettled_trials"], phase="train", backend="jax")


@pytest.mark.parametrize("run", [full_run(), rich_run(), SIDED])
def test_gitlab_finds_every_sample(run: Run) -> None:
    text = as_openmetrics(run)
    # Gitlab::Ci::Parsers::Metrics::Generic: what follows # is dropped, the rest is split as a shell does.
    read = [words for line in text.splitlines() if len(words := shlex.split(re.sub("#.*$", "", line))) > 1]
    samples = [value for family in read_openmetrics(text).values() for value in family.samples.values()]
    assert [float(value) for _, value in read] == samples
    assert len({name for name, _ in read}) == len(samples)


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
factors = st.dictionaries(
    st.sampled_from(["optimizer", "feed"]) | texts.map("p.{}".format), texts.filter(bool), max_size=4
)


@given(st.lists(st.builds(lambda name, given: (name, given), texts, factors), max_size=5, unique_by=str))
def test_any_text_in_a_label_comes_back(names: list[tuple[str, dict[str, str]]]) -> None:
    cases = [CASE.with_(given) for _, given in names]
    cases = list({case.id: replace(case, workload=name) for case, (name, _) in zip(cases, names, strict=True)}.values())
    families = read_openmetrics(as_openmetrics(run_of([trial(case) for case in cases])))
    if cases:
        found = {frozenset(labels) for labels in families["dlbench_trials"].samples}
        assert found == {
            frozenset(
                {
                    *(("workload", case.workload), ("backend", "jax"), ("phase", "train"), ("environment", "current")),
                    *([("batch_size", "64")] if case.workload == DIGITS.name else []),
                    *((label_name(name), str(text)) for name, text in case.factors.items() if name[:2] == "p."),
                    *((name, str(text)) for name, text in case.factors.items() if name in ("optimizer", "feed")),
                }
            )
            for case in cases
        }


@given(texts, texts)
def test_different_names_have_different_labels(one: str, other: str) -> None:
    every = [label(name) for name in (one, other) for label in (identifier, label_name)]
    every += [label_name(f"p.{name}") for name in (one, other)]
    assert all(re.fullmatch("[a-zA-Z][a-zA-Z0-9_]*", label) for label in every)
    assert (identifier(one) == identifier(other)) == (one == other)
    assert (label_name(one) == label_name(other)) == (one == other)
    assert (label_name(f"p.{one}") == label_name(other)) == (f"p.{one}" == other)


def test_plain_names_stay() -> None:
    assert [label_name(name) for name in ("batch_size", "p.depth", "p.p_drop")] == ["batch_size", "p_depth", "p_p_drop"]
    assert identifier("top-5 accuracy") == "U__top_2d_5_20_accuracy"
    assert identifier("U__x") == "U__U____x"


def test_any_metric_has_a_name() -> None:
    info = replace(DIGITS, metric='top-5 "hits"\n')
    run = run_of([converge_trial(CASE.with_({"phase": "converge"}), 0, [0.5])], workloads=(info,))
    families = read_openmetrics(as_openmetrics(run))
    (name,) = [name for name in families if name.startswith("dlbench_U__test")]
    assert list(families[name].samples.values()) == [0.5]


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=0))
def test_numbers_come_back_exactly(value: float) -> None:
    run = run_of([trial(CASE, marks={"parameters": value})])
    (read,) = read_openmetrics(as_openmetrics(run))["dlbench_parameters"].samples.values()
    assert read == value


def test_whole_numbers_have_no_decimal_point() -> None:
    run = run_of([trial(CASE, windows=windows([0.001] * 30), marks={"parameters": 53633.0})])
    lines = [
        line for line in as_openmetrics(run).splitlines() if line.startswith(("dlbench_parameters", "dlbench_trials"))
    ]
    assert [line.rsplit(" ", 1)[1] for line in lines] == ["53633", "1"]


@pytest.mark.parametrize(
    "text",
    [
        "# TYPE a gauge\na{} 1\n",
        "a{} 1\n# EOF\n",
        "# TYPE a gauge\na{} 1\na{} 2\n# EOF\n",
        '# TYPE a gauge\na{x="\\d"} 1\n# EOF\n',
        '# TYPE a gauge\na{x="1",x="2"} 1\n# EOF\n',
        "# TYPE a gauge\n# UNIT a seconds\na{} 1\n# EOF\n",
        "# TYPE a gauge\n# TYPE b gauge\na{} 1\n# EOF\n",
        "# TYPE a gauge\na{} nan\n# EOF\n",
        "# HELP a x\n# TYPE a gauge\na{} 1\n# EOF\n",
    ],
)
def test_the_reader_is_strict(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_openmetrics(text)
