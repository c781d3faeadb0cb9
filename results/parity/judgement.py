"""Judge parity: how far a backend may be from the reference, whether it is, and the evidence for why. Pure.

A float32 result may be as far from the float64 one as rounding takes it. How far that is depends on the problem: it
is found by moving the weights by one unit in the last place of float32, before each step, and watching how far the
result moves (its sensitivity). Training that is chaotic, as with batch normalisation, moves far, and is judged by
that; what hardly moves is judged by constants below which float32 libraries differ anyway.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from .. import units
from ..statistics.deviation import gradients_deviation, losses_deviation, outputs_deviation, tensor_deviations
from .computation import Computation, Sensitivity, Tensors
from .records import Explanation, ParityCheck, Price, Tolerances

MARGIN = 10.0
"""Times the sensitivity. Float32 deviated by 0.1 to 3.5 times the sensitivity over 20 to 40 steps of networks with
batch normalisation under SGD and Adam, on three backends; three perturbations do not find the largest move."""
FLOORS = Tolerances(outputs=1e-5, loss=1e-6, gradients=1e-5)
"""What rounding in float32 comes to on a CPU whatever the sensitivity: sums in another order, constants of the
optimizer that are not exact in float32 (1 - 0.999 is off by 1.3e-5)."""
TRAJECTORY_FLOOR = 1e-5
CONVOLUTION_GRADIENTS = 1e-3
"""Floor for the gradients of convolutions on TensorFlow: 3.3e-4 was measured."""
XLA_CONVOLUTION_GRADIENTS = 5e-3
TF32_STEP = 2.0**-11 / 2.0**-24
"""Products in TF32 have factors of 10 explicit bits in place of 23."""

BUSY = 0.05
"""Share of the cores taken by other programs from which a price is doubtful."""
TOO_BUSY = 0.2
"""The same from which there is none: a framework whose threads spin is then slowed down many times."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What the tolerances of a backend depend on beside the sensitivity."""

    backend: str
    compile_kind: str
    layers: Sequence[str]
    """Kinds of layers in the model."""
    steps: int


def tolerances(sensitivity: Sensitivity | None, setup: Setup) -> Tolerances:
    """Return the larger of the floor and MARGIN times the sensitivity, for each quantity and each step."""
    gradients = FLOORS.gradients
    if setup.backend == "tensorflow" and any("Conv" in layer for layer in setup.layers):
        gradients = XLA_CONVOLUTION_GRADIENTS if setup.compile_kind == "xla" else CONVOLUTION_GRADIENTS
    moved = sensitivity or Sensitivity(0.0, 0.0, 0.0, ())
    steps = moved.trajectory or (0.0,) * (setup.steps + 1)
    return Tolerances(
        max(FLOORS.outputs, MARGIN * moved.outputs),
        max(FLOORS.loss, MARGIN * moved.loss),
        max(gradients, MARGIN * moved.gradients),
        tuple(max(TRAJECTORY_FLOOR, MARGIN * move) for move in steps),
    )


def judge(
    ours: Computation, tensors: Tensors, reference: Computation, exact: Tensors, allowed: Tolerances
) -> tuple[ParityCheck, ...]:
    """Return the checks of outputs, loss, gradients and the loss of each step, in the order of QUANTITIES."""
    checks = [_outputs(ours, tensors, reference, exact, allowed.outputs)]
    if ours.random:
        why = f"{', '.join(ours.random)} draws random numbers in training, other ones on each backend"
        return (*checks, *(ParityCheck(what, None, None, None, why) for what in ("loss", "gradients", "trajectory")))
    checks.append(_loss(ours, reference, allowed.loss))
    checks.append(_gradients(ours, tensors, reference, exact, allowed.gradients))
    checks.append(judge_trajectory(ours, reference, allowed.trajectory))
    return tuple(checks)


def judge_trajectory(ours: Computation, reference: Computation, allowed: Sequence[float]) -> ParityCheck:
    """Return whether the loss of every step is as near the reference's as it may be."""
    found = losses_deviation(ours.losses, reference.losses)
    step = _worst_step(found, allowed)
    late = f"after {step} of {len(found) - 1} steps" if step else "before the first step"
    return _check("trajectory", float(found[step]), allowed[step], late)


def judge_repeat(first: Computation, again: Computation | None, allowed: Sequence[float]) -> ParityCheck:
    """Return whether training came out the same again in the process, and in a second process where there is one."""
    within = first.losses == first.repeat_losses and first.trained == first.repeat_trained
    parts = ["the same bits within a process" if within else "other bits within a process"]
    deviations = [losses_deviation(first.repeat_losses, first.losses)]
    if again is not None and again.error:
        parts.append(f"a second one gave no answer: {again.error}")
    elif again is not None:
        same = first.losses == again.losses and first.trained == again.trained
        parts.append("the same bits in a second one" if same else "other bits in a second one")
        deviations.append(losses_deviation(again.losses, first.losses))
    largest = np.max(deviations, axis=0)
    step = _worst_step(largest, allowed)
    error = float(largest[step])
    return ParityCheck("repeat", error, allowed[step], bool((largest <= np.asarray(allowed)).all()), ", ".join(parts))


def chaos_note(sensitivity: Sensitivity | None) -> str | None:
    """Return what must be said where the sensitivity, and not the floor, decides how far the loss may be off."""
    if sensitivity is None or not sensitivity.trajectory:
        return None
    moves = sensitivity.trajectory
    first = next((step for step, move in enumerate(moves) if MARGIN * move > TRAJECTORY_FLOOR), None)
    if first is None:
        return None
    return (
        f"Training is sensitive here: moving the weights by one unit in the last place of float32 moves the loss by "
        f"{moves[-1]:.0e} within {len(moves) - 1} steps, so from step {first} on the losses are judged by "
        f"{MARGIN:g} times that and no longer by {TRAJECTORY_FLOOR:.0e}."
    )


def price(mode: str, before: Computation, deterministic: Computation, after: Computation) -> Price:
    """Return what the deterministic mode costs: the ratio to the geometric mean of the processes around it."""
    if deterministic.error:
        return Price(None, None, None, f"{mode}: {deterministic.error}")
    plain = [item.step_seconds for item in (before, after) if item.step_seconds]
    if not deterministic.step_seconds or not plain:
        return Price(None, None, None, f"{mode}: no step was timed")
    ratios = [deterministic.step_seconds / seconds for seconds in plain]
    loads = [item.foreign_load for item in (before, deterministic, after) if item.foreign_load]
    busiest = max(loads, default=0.0)
    others = f"other programs took up to {units.percent(busiest)} of the cores"
    if busiest > TOO_BUSY:
        return Price(None, None, None, f"{mode}: not measured, {others}")
    if busiest > BUSY:
        mode += f" (doubtful: {others})"
    return Price(sqrt(ratios[0] * ratios[-1]), min(ratios), max(ratios), mode)


def explain(
    checks: Sequence[ParityCheck],
    ours: Computation,
    tensors: Tensors,
    exact: Tensors,
    summed: ParityCheck | None,
) -> Explanation | None:
    """Return why a backend differs, as far as the evidence goes; None where it does not.

    Args:
        checks: of this backend.
        ours: its computation.
        tensors: its arrays.
        exact: the reference's.
        summed: the check of the trajectory with the gradients of embeddings summed first; None: not tried.

    """
    failed = [check for check in checks if check.ok is False]
    if not failed:
        return None
    if ours.facts.get("tf32"):
        return _tf32(failed)
    names = [check.what for check in failed]
    if names == ["trajectory"] and summed is not None and summed.ok and any(item.embedding for item in ours.variables):
        return _slices(ours, tensors, exact, summed)
    return _unknown(checks, failed, ours, tensors, exact)


def _tf32(failed: Sequence[ParityCheck]) -> Explanation:
    known = all(
        check.error is not None and check.allowed is not None and check.error <= TF32_STEP * check.allowed
        for check in failed
    )
    words = (
        "Products are computed in TF32 here: their factors are rounded to 10 bits first, as this framework does by "
        "default on such a GPU. The matched lane switches it off."
    )
    if not known:
        words += " The deviation is larger than that explains."
    return Explanation(known, "products in TF32", words)


def _slices(ours: Computation, tensors: Tensors, exact: Tensors, summed: ParityCheck) -> Explanation:
    tables = [item.path for item in ours.variables if item.embedding]
    words = (
        f"Keras on TensorFlow leaves the gradient of an embedding ({', '.join(tables)}) as slices, one per token, and "
        f"does not sum them per row. {ours.optimizer} squares the slices one by one, so a token that occurs more than "
        "once in a batch gets another second moment, hence another step, than on the other backends. "
        "Outputs, first loss and summed gradients agree, "
    )
    if len(tensors.moves) == len(exact.moves) == len(ours.variables):
        inside, outside = (_group_deviation(ours, tensors, exact, embedding=wanted) for wanted in (True, False))
        words += (
            f"the first step of the embedding is off by {units.percent(inside)} of its length, that of all other "
            f"weights together by {outside:.0e}, "
        )
    words += (
        f"and with the slices summed first the loss agrees to {summed.error:.1e}. This is what users of Keras on "
        "TensorFlow get. --lane matched sums the slices."
    )
    return Explanation(True, f"embedding gradients are not summed before {ours.optimizer} squares them", words)


def _unknown(
    checks: Sequence[ParityCheck], failed: Sequence[ParityCheck], ours: Computation, tensors: Tensors, exact: Tensors
) -> Explanation:
    first = failed[0].what
    said = {
        "outputs": "Inference itself differs: a layer computes something else here.",
        "loss": "Outputs of inference agree and the training loss does not: the loss, or a layer's behaviour in "
        "training, differs.",
        "gradients": "Outputs and loss agree and the gradients do not: the backward pass of a layer differs.",
        "trajectory": "Outputs, first loss and gradients agree and training does not: the optimizer, or state that "
        "is carried from step to step, differs.",
        "repeat": "Training is not the same from run to run, by more than rounding explains.",
    }
    judged = {check.what for check in checks if check.ok is not None}
    missing = [what for what in ("outputs", "loss", "gradients") if what not in judged]
    words = said[first]
    if missing and first != "repeat":
        words = f"The {first} differs; not judged: {', '.join(missing)}."
    if first == "trajectory" and len(tensors.moves) == len(exact.moves) == len(ours.variables):
        off = tensor_deviations(tensors.moves, exact.moves)
        words += f" After one step {ours.variables[int(np.argmax(off))].path} is furthest off."
    return Explanation(False, f"{first} differs, cause unknown", words)


def _group_deviation(ours: Computation, tensors: Tensors, exact: Tensors, *, embedding: bool) -> float:
    """Return how far the first step of the embeddings, or of all other weights, is off, as a share of its length."""
    places = [place for place, item in enumerate(ours.variables) if item.embedding is embedding]
    return gradients_deviation([tensors.moves[place] for place in places], [exact.moves[place] for place in places])


def _outputs(
    ours: Computation, tensors: Tensors, reference: Computation, exact: Tensors, allowed: float
) -> ParityCheck:
    if missing := _gap("outputs", ours, reference):
        return missing
    return _check("outputs", outputs_deviation(tensors.outputs, exact.outputs), allowed)


def _loss(ours: Computation, reference: Computation, allowed: float) -> ParityCheck:
    if missing := _gap("gradients", ours, reference):
        return ParityCheck("loss", None, None, None, missing.words)
    found, exact = (np.array([item.first_loss], np.float64) for item in (ours, reference))
    return _check("loss", float(losses_deviation(found, exact)[0]), allowed)


def _gradients(
    ours: Computation, tensors: Tensors, reference: Computation, exact: Tensors, allowed: float
) -> ParityCheck:
    if missing := _gap("gradients", ours, reference):
        return missing
    error = gradients_deviation(tensors.gradients, exact.gradients)
    words = ""
    if error > allowed:
        off = tensor_deviations(tensors.gradients, exact.gradients)
        words = f"furthest off: {ours.variables[int(np.argmax(off))].path}"
    return _check("gradients", error, allowed, words)


def _worst_step(found: NDArray[np.float64], allowed: Sequence[float]) -> int:
    """Return the step at which a deviation is the largest share of what is allowed there."""
    return int(np.argmax(found / np.asarray(allowed)))


def _check(what: str, error: float, allowed: float, words: str = "") -> ParityCheck:
    return ParityCheck(what, error, allowed, error <= allowed, words)


def _gap(what: str, ours: Computation, reference: Computation) -> ParityCheck | None:
    """Return the check of a quantity that could not be computed; None where it could."""
    if what in ours.gaps:
        return ParityCheck(what, None, None, None, ours.gaps[what])
    if what in reference.gaps:
        return ParityCheck(what, None, None, None, f"the reference could not be computed: {reference.gaps[what]}")
    return None
