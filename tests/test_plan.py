"""The plan: which cases are measured in which job, and why others are not."""

from dataclasses import replace
from typing import Any

import pytest
from dlbench.backends.backend import Backend
from dlbench.harness.environments.places import Place
from dlbench.harness.experiments.plan import (
    Candidate,
    Plan,
    check_parameters,
    combinations,
    make_plan,
    resolve_devices,
)
from dlbench.harness.options import Selection
from dlbench.results.errors import UsageError
from dlbench.results.records.environment import BackendProbe
from dlbench.results.records.model import Case
from dlbench.workloads.reference import Reference
from dlbench.workloads.workload import PHASES, USUAL_PHASES, Parameter
from hypothesis import given, settings
from hypothesis import strategies as st

from .factories import NO_XLA, backend, backends, candidate, probe, spec

JAX = ("jax",)


def planned(
    *candidates: Candidate,
    on: tuple[str, ...] | list[tuple[Backend, BackendProbe]] = JAX,
    phases: tuple[str, ...] = USUAL_PHASES,
    **selection: Any,
) -> Plan:
    """Make a plan; `on` gives names of backends with a CPU, or backends with their probes."""
    pairs = backends(*on) if isinstance(on, tuple) else on
    return make_plan(candidates or (candidate(),), pairs, Selection(**selection), phases)


def sizes(plan: Plan, phase: str) -> list[object]:
    """Return the batch size of each case of a phase, in the order of the plan."""
    return [case.get("batch_size") for case in plan.cases if case.get("phase") == phase]


def test_a_job_measures_the_phases_of_a_workload_in_order() -> None:
    (job,) = planned().jobs
    assert [case.get("phase") for case in job.cases] == ["train", "infer", "infer", "converge"]


def test_epochs_belong_to_the_cases_that_train_to_a_target() -> None:
    plain, asked = planned().cases, planned(epochs=6).cases
    assert [case.get("epochs") for case in asked] == [None, None, None, 6]
    assert [one.id == other.id for one, other in zip(plain, asked, strict=True)] == [True, True, True, False]


def test_only_the_phases_asked_for_are_planned() -> None:
    assert [case.get("phase") for case in planned(phases=("infer",)).cases] == ["infer", "infer"]


def test_a_phase_that_a_workload_does_not_have_is_not_planned() -> None:
    plan = planned(candidate(spec(phases=("train",))))
    assert [case.get("phase") for case in plan.cases] == ["train"]
    assert planned(candidate(spec(phases=("train",))), phases=("converge",)).jobs == ()


def test_there_is_a_job_for_each_workload_and_backend() -> None:
    plan = planned(candidate(spec("a")), candidate(spec("b")), on=("jax", "torch"))
    assert [(job.candidate.spec.name, job.backend.name) for job in plan.jobs] == [
        ("a", "jax"), ("a", "torch"), ("b", "jax"), ("b", "torch")
    ]  # fmt: skip


@settings(deadline=None)
@given(
    st.lists(st.sampled_from(["float32", "mixed_bfloat16"]), min_size=1, unique=True),
    st.lists(st.sampled_from(["auto", "eager", "jit"]), min_size=1, unique=True),
    st.lists(st.sampled_from([8, 32, 64]), min_size=1, unique=True),
    st.lists(st.sampled_from(["jax", "torch", "tensorflow"]), min_size=1, unique=True),
)
def test_the_product_of_all_choices_is_planned_and_no_case_twice(
    precisions: list[str], compiles: list[str], batch_sizes: list[int], names: list[str]
) -> None:
    plan = planned(
        on=tuple(names),
        precisions=tuple(precisions),
        compiles=tuple(compiles),
        batch_sizes=tuple(batch_sizes),
        phases=("train",),
    )
    wanted = len(precisions) * len(compiles) * len(batch_sizes) * len(names)
    assert len(plan.jobs) == wanted
    assert len({case.id for job in plan.jobs for case in job.cases}) == wanted
    assert plan.left_out == ()


def test_a_job_carries_the_settings_of_its_cases() -> None:
    plan = planned(precisions=("mixed_bfloat16",), compiles=("jit",), batch_sizes=(8,), phases=("train",))
    (job,) = plan.jobs
    setting = job.setting
    assert (setting.device, setting.precision, setting.execution) == ("cpu", "mixed_bfloat16", "step")
    assert (setting.compile, job.mode.kind, job.mode.how, job.batch_size) == ("jit", "jit", "toy.jit", 8)
    assert job.cases[0].factors == {
        "backend": "jax",
        "batch_size": 8,
        "compile": "jit",
        "phase": "train",
        "precision": "mixed_bfloat16",
    }


def test_defaults_given_explicitly_are_the_same_cases() -> None:
    explicit = planned(
        precisions=("float32",), compiles=("auto",), devices=("cpu",), executions=("step",), batch_sizes=(32,)
    )
    assert [case.id for case in explicit.cases] == [case.id for case in planned().cases]


def test_the_workloads_own_batch_size_given_explicitly_is_the_same_case() -> None:
    assert sizes(planned(batch_sizes=(32, 64)), "train") == [None, 64]
    assert planned(batch_sizes=(32,)).cases == planned().cases
    (job,) = planned(batch_sizes=(32,)).jobs
    assert job.batch_size == 32


@pytest.mark.parametrize(
    ("batch_sizes", "infer"),
    [((), [None, 1]), ((8, 64), [8, 1, 64]), ((1, 8), [1, 8]), ((8, 1), [8, 1]), ((1,), [1]), ((32,), [None, 1])],
)
def test_latency_at_batch_1_is_measured_once(batch_sizes: tuple[int, ...], infer: list[object]) -> None:
    assert sizes(planned(batch_sizes=batch_sizes), "infer") == infer


def test_a_workload_whose_own_batch_size_is_1_is_inferred_once() -> None:
    assert sizes(planned(candidate(spec(batch_size=1))), "infer") == [None]


def test_parameters_that_differ_from_their_defaults_are_part_of_the_case() -> None:
    plan = planned(candidate(depth="4", width="8"), phases=("train",))
    assert plan.cases[0].parameters == {"depth": 4}
    assert planned(candidate(depth="2"), phases=("train",)).cases == planned(phases=("train",)).cases


def test_a_combination_named_twice_is_measured_once() -> None:
    of = spec()
    candidates = [
        Candidate(Reference(of.name), of, full, given) for full, given in combinations(of, {"depth": ("4", "04")})
    ]
    assert len(candidates) == 2
    assert len(planned(*candidates, phases=("train",)).jobs) == 1


def test_allowed_imports_are_part_of_the_case_and_of_the_job() -> None:
    plan = planned(allow_import=("tensorflow",), phases=("train",))
    assert plan.jobs[0].allow_import == ("tensorflow",)
    assert plan.cases[0].id != planned(phases=("train",)).cases[0].id


def test_a_refused_compile_mode_is_left_out_with_the_backends_reason() -> None:
    plan = planned(on=("torch",), compiles=("jit", "xla"), phases=("train",))
    assert [job.setting.compile for job in plan.jobs] == ["jit"]
    (item,) = plan.left_out
    assert item.reason == f"Torch: {NO_XLA}"
    assert item.case == Case.of("toy", backend="torch", compile="xla", phase="train")


def test_a_backend_without_the_device_is_left_out_and_the_others_are_measured() -> None:
    pairs = [Place(backend("jax"), probe("jax", "cpu")), Place(backend("torch"), probe("torch", "cpu", "gpu"))]
    plan = planned(on=pairs, devices=("gpu",), phases=("train",))
    assert [(job.backend.name, job.setting.device) for job in plan.jobs] == [("torch", "gpu")]
    (item,) = plan.left_out
    assert item.reason == "Jax sees no gpu here"
    assert item.case.get("device") == "gpu"


@pytest.mark.parametrize(
    ("wanted", "kinds", "devices"),
    [
        (("auto",), [("cpu",), ("cpu",)], ("cpu",)),
        (("auto",), [("cpu", "gpu"), ("gpu", "cpu")], ("gpu",)),
        (("auto",), [("cpu", "gpu"), ("cpu",)], ("cpu",)),
        (("auto", "cpu"), [("cpu",)], ("cpu",)),
        (("cpu", "gpu"), [("cpu", "gpu")], ("cpu", "gpu")),
        (("gpu", "auto"), [("cpu", "gpu")], ("gpu",)),
        (("cpu",), [("cpu", "gpu")], ("cpu",)),
        (("gpu",), [("cpu", "gpu"), ("cpu",)], ("gpu",)),
        (("auto",), [], ("cpu",)),
    ],
)
def test_the_automatic_device_is_the_best_that_every_backend_has(
    wanted: tuple[str, ...], kinds: list[tuple[str, ...]], devices: tuple[str, ...]
) -> None:
    probes = [probe(str(place), *of) for place, of in enumerate(kinds)]
    assert resolve_devices(wanted, probes) == devices


def test_a_device_that_no_backend_has_is_wrong_use() -> None:
    with pytest.raises(UsageError, match=r"--device gpu: no chosen backend sees one here \(found: cpu\)"):
        resolve_devices(("cpu", "gpu"), [probe("jax"), probe("torch")])


def test_combinations_give_all_parameters_and_those_that_differ() -> None:
    assert list(combinations(spec(), {"depth": ("2", "4"), "width": ("16",)})) == [
        ({"depth": 2, "width": 16}, {"width": 16}),
        ({"depth": 4, "width": 16}, {"depth": 4, "width": 16}),
    ]


def test_without_parameters_there_is_one_combination_of_defaults() -> None:
    assert list(combinations(spec(), {})) == [({"depth": 2, "width": 8}, {})]


def test_a_parameter_that_a_workload_lacks_is_passed_over() -> None:
    assert list(combinations(spec(), {"heads": ("2", "4")})) == [({"depth": 2, "width": 8}, {})]


def test_a_value_out_of_range_is_wrong_use() -> None:
    with pytest.raises(UsageError, match="parameter 'depth' of toy takes 1 to 100; received 0"):
        list(combinations(spec(), {"depth": ("0",)}))


def test_a_parameter_that_one_workload_lacks_is_noted() -> None:
    specs = [spec("a"), spec("b", parameters=())]
    assert check_parameters(specs, {"depth": ("4",)}) == ("b has no parameter 'depth'; it is measured as it is",)
    assert check_parameters(specs[:1], {"depth": ("4",)}) == ()


def test_a_parameter_that_no_workload_has_is_wrong_use() -> None:
    with pytest.raises(UsageError, match=r"unknown parameter of a, b.*'dept'; did you mean 'depth'\?"):
        check_parameters([spec("a"), spec("b")], {"dept": ("4",)})


def test_without_a_workload_no_parameter_is_called_unknown() -> None:
    # All workloads asked for are broken: that is what the user must hear, not that "depth" is unknown.
    assert check_parameters([], {"depth": ("4",)}) == ()


def test_the_notes_given_are_part_of_the_plan() -> None:
    plan = make_plan([candidate()], backends("jax"), Selection(), PHASES, ["something to say"])
    assert plan.notes == ("something to say",)


def test_phases_that_would_show_in_the_others_figures_have_processes_of_their_own() -> None:
    plan = planned(phases=PHASES, scenarios=("server", "offline"), latency_bound_s=0.02)
    assert [[case.get("phase") for case in job.cases] for job in plan.jobs] == [
        ["train", "infer", "infer", "converge"],
        ["parts"],
        ["memory"],
        ["scenario"],
        ["scenario"],
    ]
    assert [job.measures_memory for job in plan.jobs] == [False, False, True, False, False]
    server, offline = (job.cases[0] for job in plan.jobs[3:])
    assert (server.get("scenario"), server.get("latency_bound_s")) == ("server", 0.02)
    assert (offline.get("scenario"), offline.get("latency_bound_s")) == ("offline", None)


def reasons(plan: Plan) -> dict[str, str]:
    """Return why each phase was left out."""
    return {item.case.text("phase"): item.reason for item in plan.left_out}


def test_a_workload_without_a_twin_is_left_out_of_native() -> None:
    plan = planned(executions=("native", "step"), phases=("train", "infer"))
    assert [job.setting.execution for job in plan.jobs] == ["step"]
    assert reasons(plan) == {"train": "toy has no twin written in Jax"}
    namesake = replace(candidate(spec("digits_cnn")), reference=Reference("digits_cnn", "file", "digits_cnn.py"))
    plan = planned(namesake, executions=("native",), phases=("train",))
    assert not plan.jobs
    assert "write one as 'def native_jax(...)'" in reasons(plan)["train"]
    twin = planned(candidate(spec("digits_cnn")), executions=("native",), phases=("train",))
    assert [job.setting.execution for job in twin.jobs] == ["native"]
    half = planned(
        candidate(spec("digits_cnn")), executions=("native",), precisions=("mixed_bfloat16",), phases=("train",)
    )
    assert not half.jobs
    assert "written for float32" in reasons(half)["train"]


def test_a_model_that_trains_itself_is_left_out_of_training() -> None:
    plan = planned(candidate(spec(phases=("infer",))), phases=("train", "infer", "memory"))
    assert [case.text("phase") for job in plan.jobs for case in job.cases] == ["infer", "infer"]
    assert "train_step or compute_loss of its own" in reasons(plan)["train"]


GENERATING = (*spec().parameters, Parameter("prompt", 8, ""), Parameter("new_tokens", 8, ""))


def generating(context: int | str = 20, **parameters: str) -> Candidate:
    """Make a workload that generates."""
    return candidate(spec(parameters=GENERATING, context=context), **parameters)


def generated(of: Candidate, **fields: Any) -> Plan:
    """Plan phase generate, asked for by name."""
    return make_plan([of], backends("jax"), Selection(phases=("generate",), **fields), ())


def test_generation_has_a_process_for_each_batch_size() -> None:
    plan = generated(generating(), batch_sizes=(32, 8))
    assert [[case.get("batch_size") for case in job.cases] for job in plan.jobs] == [[None], [1], [8]]
    assert [job.batch_size for job in plan.jobs] == [32, 32, 8]


def test_a_workload_without_generation_is_left_out_of_it() -> None:
    plan = generated(candidate())
    assert not plan.jobs
    assert reasons(plan) == {"generate": "toy generates nothing"}


def test_positions_must_suffice_for_prompt_and_new_tokens() -> None:
    assert generated(generating(prompt="12")).jobs
    plan = generated(generating(prompt="13"))
    assert not plan.jobs
    assert reasons(plan)["generate"] == (
        "toy has 20 positions, too few for prompt=13 and new_tokens=8; lower -p prompt or -p new_tokens"
    )
    named = generated(generating("depth", depth="15"))
    assert reasons(named)["generate"].endswith("lower -p prompt or -p new_tokens, or raise -p depth")
    assert generated(generating("depth", depth="16")).jobs


@pytest.mark.parametrize("execution", ["fit", "native"])
def test_generation_needs_single_steps_of_keras(execution: str) -> None:
    plan = generated(
        replace(generating(), spec=replace(generating().spec, name="grammar_gpt")), executions=(execution,)
    )
    assert not plan.jobs
    assert "use --execution step" in reasons(plan)["generate"]


def test_a_suite_says_why_it_has_nothing_of_a_workload() -> None:
    assert reasons(planned(candidate(), phases=("generate",))) == {"generate": "toy generates nothing"}
    assert reasons(planned(candidate(), phases=("train", "generate"))) == {}


def test_fit_offers_no_single_steps() -> None:
    asked = ("train", "converge", "parts")
    plan = make_plan([candidate()], backends("jax"), Selection(executions=("fit",), phases=asked), ())
    assert [case.get("phase") for case in plan.cases] == ["train"]
    assert set(reasons(plan)) == {"converge", "parts"}
    assert planned(executions=("fit",), lanes=("matched",)).jobs == ()


def test_the_matched_lane_compiles_everywhere() -> None:
    plan = planned(on=("jax", "torch"), lanes=("default", "matched"), phases=("train",))
    assert [(job.setting.lane, job.mode.how) for job in plan.jobs] == [
        ("default", "eager"), ("matched", "toy.jit"), ("default", "eager"), ("matched", "toy.jit")
    ]  # fmt: skip
    eager = planned(lanes=("matched",), compiles=("eager",), phases=("train",)).jobs[0]
    assert eager.mode.how == "eager"


def test_a_frameworks_own_feed_is_for_that_framework() -> None:
    plan = planned(on=("jax", "torch", "tensorflow"), feeds=("dataloader",), phases=("train", "infer"))
    assert [(job.backend.name, job.setting.resolved_feed) for job in plan.jobs] == [("torch", "dataloader")]
    assert [case.get("phase") for case in plan.cases] == ["train"]
    assert {item.reason for item in plan.left_out} == {
        "torch's DataLoader belongs to another framework than Jax",
        "torch's DataLoader belongs to another framework than Tensorflow",
    }


def test_the_usual_feed_depends_on_the_execution() -> None:
    plan = planned(executions=("step", "fit"), phases=("train",))
    assert [job.setting.resolved_feed for job in plan.jobs] == ["device", "numpy"]
    assert all(case.get("feed") is None for case in plan.cases)
    assert not planned(executions=("fit",), feeds=("device",)).jobs


def test_threads_are_part_of_the_case() -> None:
    plan = planned(threads=(1, 2), phases=("train",))
    assert [case.get("threads") for case in plan.cases] == [1, 2]
