"""The factors of a case: each is declared here once, with its default and its part in the identity."""

from dataclasses import dataclass

Scalar = str | int | float | bool | None

PARAMETER_PREFIX = "p."
"""A workload's own parameter `depth` is the factor `p.depth`; its default is the workload's."""


@dataclass(frozen=True, slots=True)
class Factor:
    """One thing that can vary between cases."""

    name: str
    default: Scalar
    meaning: str
    identity: bool = True
    """False: kept with the case, but two cases that differ only in it are the same case."""


FACTORS = (
    Factor("backend", None, "the framework Keras runs on"),
    Factor("environment", None, "the interpreter of the worker, by name; None is the controller's own"),
    Factor("phase", None, "what is measured: train, infer, converge, parts, memory, scenario or generate"),
    Factor("device", "cpu", "the kind of device: cpu or gpu"),
    Factor("execution", "step", "how the model is driven: fit, step (Keras' custom-loop API) or native (a twin)"),
    Factor("compile", "auto", "the compile mode asked for: auto, eager, jit or xla"),
    Factor(
        "cache", "cold", "the compiled code that a worker finds at its start: cold (none) or warm (of a worker before)"
    ),
    Factor("lane", "default", "default: each framework as it comes; matched: the same semantics everywhere"),
    Factor("feed", None, "how batches reach the step; None is the usual way of the execution"),
    Factor("threads", None, "cores, and threads, that a worker may use; None is every usable core"),
    Factor("scenario", None, "how queries arrive in phase scenario"),
    Factor("latency_bound_s", None, "latency that scenario server must hold, seconds"),
    Factor("epochs", None, "epochs of phase converge, whatever the target; None: until it is met, or the limit"),
    Factor("precision", "float32", "the Keras dtype policy"),
    Factor("optimizer", None, "what updates the weights, as NAME:LEARNING_RATE; None is the workload's own"),
    Factor("batch_size", None, "samples per step; None is the workload's own"),
    Factor("allow_import", None, "further frameworks that the worker may import"),
)

BY_NAME = {factor.name: factor for factor in FACTORS}


def default_of(name: str) -> Scalar:
    """Return the value that a factor has when it is not given (None for a workload's parameter)."""
    factor = BY_NAME.get(name)
    return factor.default if factor else None


def in_identity(name: str) -> bool:
    """Tell whether a factor takes part in a case's id."""
    factor = BY_NAME.get(name)
    return factor.identity if factor else True
