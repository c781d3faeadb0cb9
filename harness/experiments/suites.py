"""Suites: named choices of workloads, phases and effort. Own ones stand in `dlbench.toml`."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from ...results.errors import UsageError, unknown
from ...workloads.catalog import WORKLOADS, names
from ...workloads.workload import PHASES, SPEED_PHASES, USUAL_PHASES
from ..config_file import CONFIG, read_config
from ..effort import Effort
from ..options import SIDED_SUITE

MOST_TRIALS = 1000


@dataclass(frozen=True, slots=True)
class Suite:
    """What is measured, and how long, when the user does not say."""

    name: str
    summary: str
    workloads: tuple[str, ...]
    trials: int = 3
    phases: tuple[str, ...] = USUAL_PHASES
    backends: tuple[str, ...] = ()
    parameters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    effort: Effort = field(default_factory=Effort)


FIRST = ("digits_cnn", "cancer_mlp", "intent_transformer", "grammar_gpt")
"""One of each kind, all of them small."""
REFERENCES = ("resnet50", "vit_b16", "bert_base", "gpt2_small", "unet_2015")
"""As published: for GPUs; a step takes seconds on a few cores."""
DOWNLOADED = tuple(workload.spec.name for workload in WORKLOADS if workload.spec.download)
"""On data from the internet."""
TRAINED = tuple(name for name in names() if name not in (*REFERENCES, *DOWNLOADED))
"""Those whose accuracy means something, and that need no network."""

SUITES = (
    Suite(
        "quick",
        "four small workloads in a few seconds per job: a first answer within five minutes on two cores",
        FIRST,
    ),
    Suite(
        SIDED_SUITE,
        "the workloads of quick, measured about as long as a process takes to start: for two sides (ab, gate, bisect)",
        FIRST,
        effort=Effort(train_s=2.0, infer_s=0.5),
    ),
    Suite(
        "standard",
        "what two cores train to its target, without a network; measured longer and seven times: enough to claim from",
        TRAINED,
        trials=7,
        effort=Effort(train_s=3.0, infer_s=1.0, windows=60),
    ),
    Suite(
        "full",
        "everything, published models and downloaded data included: for many cores or a GPU, over a night",
        names(),
        trials=7,
        phases=(*USUAL_PHASES, "generate"),
        effort=Effort(train_s=3.0, infer_s=1.0, windows=60),
    ),
    Suite(
        "gpu",
        "the models as published, in training, inference and generation: for a GPU",
        REFERENCES,
        trials=5,
        phases=(*SPEED_PHASES, "generate"),
        effort=Effort(train_s=5.0, infer_s=2.0),
    ),
    Suite(
        "depth",
        "a residual stack of 10, 100, 300 and 1,000 layers: first step, step and memory as depth grows",
        ("residual_mlp",),
        phases=("train",),
        parameters={"depth": ("10", "100", "300", "1000")},
    ),
    Suite(
        "inference",
        "forward passes alone: throughput at the workload's batch, and latency at batch 1",
        TRAINED,
        trials=5,
        phases=("infer",),
        effort=Effort(infer_s=2.0),
    ),
    Suite(
        "generation",
        "text from a small GPT with a cache: time to first token, tokens per second, at the workload's batch and at 1",
        ("grammar_gpt",),
        trials=5,
        phases=("generate",),
        effort=Effort(infer_s=1.0),
    ),
)


def load_suites(config: Path = Path(CONFIG)) -> dict[str, Suite]:
    """Return the suites of dlbench and those of a configuration file, by name.

    Raises:
        UsageError: the file cannot be read or has something that dlbench does not know.

    """
    suites = {suite.name: suite for suite in SUITES}
    for name, table in read_config(config).get("suites", {}).items():
        suites[name] = _suite(name, table, config)
    return suites


def get(suites: Mapping[str, Suite], name: str) -> Suite:
    """Return the suite of that name."""
    if name not in suites:
        raise unknown("suite", name, suites)
    return suites[name]


def _suite(name: str, table: Any, config: Path) -> Suite:
    where = f"{config}: [suites.{name}]"
    if not isinstance(table, dict):
        raise UsageError(f"{where} must be a table")
    effort_keys = {part.name: float if part.type is float else int for part in fields(Effort)}
    own_keys = {"summary", "workloads", "trials", "phases", "backends", "parameters"}
    for key in table:
        if key not in own_keys | set(effort_keys):
            raise unknown(f"key of [suites.{name}] in {config}", key, own_keys | set(effort_keys))
    effort = Effort(**{key: _number(where, key, table[key], effort_keys[key]) for key in effort_keys if key in table})
    phases = _names(where, table, "phases") or USUAL_PHASES
    for phase in phases:
        if phase not in PHASES:
            raise unknown(f"phase in {where}", phase, PHASES)
    parameters = table.get("parameters", {})
    if not isinstance(parameters, dict):
        raise UsageError(f"{where}: parameters must be a table such as {{ depth = [4, 8] }}")
    for key, value in parameters.items():
        if value == []:
            raise UsageError(f"{where}: parameters: {key} needs at least one value")
    suite = Suite(
        name=name,
        summary=str(table.get("summary", f"from {config}")),
        workloads=_names(where, table, "workloads") or FIRST,
        phases=tuple(phase for phase in PHASES if phase in phases),
        backends=_names(where, table, "backends"),
        parameters={
            key: tuple(str(item) for item in (value if isinstance(value, list) else [value]))
            for key, value in parameters.items()
        },
        effort=effort,
    )
    trials = int(_number(where, "trials", table.get("trials", suite.trials), int))
    if trials > MOST_TRIALS:
        raise UsageError(f"{where}: trials takes 1 to {MOST_TRIALS}; received {trials}")
    return replace(suite, trials=trials)


def _names(where: str, table: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise UsageError(f"{where}: {key} must be a list of names; received {value!r}")
    return tuple(value)


def _number(where: str, key: str, value: Any, kind: type) -> Any:
    right = isinstance(value, int | float) if kind is float else isinstance(value, int)
    if not right or isinstance(value, bool) or not 0 < value < float("inf"):
        raise UsageError(
            f"{where}: {key} must be {'a' if kind is float else 'a whole'} number above 0; received {value!r}"
        )
    return kind(value)
