"""Ledger check: in which settings the rows of a comparison differ, beside what is under comparison."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..factors import Scalar
from ..records.model import Trial
from .rows import PARTS, Row

REFUSED = {"data_sha256": "other data", "precision": "other precision", "batch_size": "other batch size"}
"""Settings in which rows must agree: otherwise there is no ratio, for the reason given."""

COMPARED = {
    "threads": "threads",
    "affinity": "cores",
    "allocator": "allocator",
    "feed": "feed",
    "layout": "layout",
    "matmul_precision": "precision of matrix products",
    "tf32": "TF32",
    "steps_per_execution": "steps per execution",
    "embedding_gradients": "gradients of embeddings",
    "imports_allowed": "imports allowed",
    "lane": "lane",
    "compile_kind": "compile mode",
    "initial_weights": "initial weights",
    "version_keras": "version of Keras",
    "version_numpy": "version of NumPy",
}
"""Settings that rows should share, and what they are called; rows that do not are marked."""

OF_SPEED = frozenset(COMPARED) - {
    "layout",
    "embedding_gradients",
    "imports_allowed",
    "initial_weights",
    "version_keras",
    "version_numpy",
}
"""Those with which a difference in speed may not be called shown."""

VERSIONS = frozenset({"version_keras", "version_numpy"})
"""What environments may differ in: where they are compared, these are what is under comparison."""

DIGESTS = frozenset({"data_sha256", "initial_weights"})
"""Settings whose values mean nothing to a reader."""

PER_SEED = frozenset({"initial_weights"})
"""Settings that differ from trial to trial by design, and are the same for one seed."""

SINGLE = "float32"
REDUCED = "tf32"
MATMUL = {
    ("jax", "default"): REDUCED,
    ("jax", "tensorfloat32"): REDUCED,
    ("jax", "high"): REDUCED,
    ("torch", "high"): REDUCED,
    ("tensorflow", "default"): SINGLE,
}
"""What a framework's own name for the precision of float32 matrix products comes to on a GPU."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A setting in which rows differ."""

    part: str
    """The part of the rows whose trials differ in it, one of `rows.PARTS`."""
    name: str
    """As in the ledger."""
    sides: Mapping[str, str]
    """Its values by contender (`Row.contender`); several values of one row joined by a slash."""

    @property
    def refused(self) -> str | None:
        """Why rows with different values are not compared; None where they are."""
        return REFUSED.get(self.name)


def under_comparison(rows: Sequence[Row]) -> frozenset[str]:
    """Return the settings in which rows may differ because they are what is compared."""
    return VERSIONS if len({row.environment for row in rows}) > 1 else frozenset()


def differences(rows: Sequence[Row], ignored: frozenset[str] = frozenset()) -> tuple[Difference, ...]:
    """Return the settings, but for those ignored, in which the rows of a group differ.

    Trials are held against trials of the same part. A setting that a row does not tell, or to which a framework has
    nothing that corresponds, is no difference. Each setting is told once, for the first part that differs in it.
    """
    found: dict[str, Difference] = {}
    for part in PARTS:
        sides = {row.contender: row.part(part) for row in rows if row.part(part)}
        for name in (*REFUSED, *COMPARED):
            if name not in found and name not in ignored:
                values = differing(sides, name)
                if values:
                    found[name] = Difference(part, name, values)
    return tuple(found.values())


def differing(sides: Mapping[str, Sequence[Trial]], name: str) -> dict[str, str]:
    """Return the values of one setting on each side that tells it, by the side; nothing where all agree."""
    told = {side: _values(trials, name) for side, trials in sides.items()}
    told = {side: values for side, values in told.items() if values}
    if name in PER_SEED:
        seeds = set.intersection(*(set(values) for values in told.values())) if told else set()
        told = {side: {seed: values[seed] for seed in seeds} for side, values in told.items()}
        same = len({tuple(sorted(values.items())) for values in told.values()}) <= 1
    else:
        same = len({value for values in told.values() for value in values.values()}) <= 1
    return {} if same else {side: "/".join(dict.fromkeys(values.values())) for side, values in told.items()}


def _values(trials: Sequence[Trial], name: str) -> dict[int, str]:
    """Return what the trials tell about a setting, made comparable, by their seed (else by their order)."""
    found = {}
    for place, trial in enumerate(trials):
        value = comparable(name, trial)
        if value is not None:
            found[trial.seed if name in PER_SEED else place] = value
    return found


def comparable(name: str, trial: Trial) -> str | None:
    """Return a setting of a trial in words that mean the same on every backend; None where it tells nothing."""
    if name not in trial.ledger:
        return None
    value: Scalar = trial.ledger[name]
    if name == "imports_allowed":
        return str(value or "none")
    if value is None:
        return None
    backend = str(trial.ledger.get("backend") or trial.case.get("backend"))
    on_cpu = str(trial.ledger.get("device") or trial.case.get("device")) == "cpu"
    text = str(value)
    if name == "matmul_precision":
        return _matmul(text.lower(), backend, on_cpu=on_cpu)
    if name == "tf32":
        return None if on_cpu else text.lower()
    if name == "layout":
        return _layout(text.lower())
    if name == "compile_kind":  # in the default lane each framework comes as it is, and the heading says so
        return text if trial.case.get("lane") == "matched" else None
    if name == "embedding_gradients":  # only TensorFlow has others than dense ones
        return text if backend == "tensorflow" else None
    return text


def _matmul(text: str, backend: str, *, on_cpu: bool) -> str:
    if text in {"highest", SINGLE} or (on_cpu and text == "default"):
        return SINGLE
    return MATMUL.get((backend, text), text)


def _layout(text: str) -> str | None:
    if text == "none":
        return None
    if "last" in text or "nhwc" in text:
        return "channels last"
    return "channels first" if "first" in text or "nchw" in text else text
