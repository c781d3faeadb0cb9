"""A toy model in NumPy that stands in for parity processes: an embedding and a dense layer under Adam.

A backend may have a planted fault, so that what `verify` finds can be checked against what is wrong.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from dlbench.harness.checks.parity_process import Answer
from dlbench.harness.effort import Effort
from dlbench.harness.roles.parity_wire import ParityRequest
from dlbench.harness.wire import PreparedData, Request
from dlbench.results.parity.computation import Computation, Sensitivity, Tensors, VariableFacts
from dlbench.results.statistics.deviation import gradients_deviation, losses_deviation, outputs_deviation
from dlbench.workloads.reference import Reference

VOCABULARY, WIDTH, LENGTH, BATCH = 6, 4, 8, 5
RATE, EPSILON = 1e-2, 1e-7
ULP = 2.0**-23
VARIABLES = (
    VariableFacts("tokens/embeddings", VOCABULARY * WIDTH, embedding=True),
    VariableFacts("dense/kernel", WIDTH, embedding=False),
)
FAULTS = ("outputs", "loss", "gradients", "optimizer", "slices", "restless", "death")
"""What can be planted: inference that differs, and so on; slices are not summed before Adam squares them; restless
training differs from run to run; death is a process without an answer."""


class Toy:
    """The model in one precision, with or without a fault."""

    def __init__(self, kind: Any, fault: str | None, *, seed: int = 0) -> None:
        random = np.random.default_rng(3)
        self.kind, self.fault = kind, fault
        self._restless = np.random.default_rng(seed)
        start = (random.normal(size=(VOCABULARY, WIDTH)), random.normal(size=WIDTH))
        self.start = [value.astype(np.float32).astype(kind) for value in start]

    def batch(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        random = np.random.default_rng((7, number))
        return random.integers(0, VOCABULARY, (BATCH, LENGTH)), random.normal(size=BATCH).astype(self.kind)

    def forward(self, weights: Sequence[np.ndarray], ids: np.ndarray) -> np.ndarray:
        table, kernel = weights
        return np.tanh(table[ids]).mean(axis=1) @ kernel

    def outputs(self, weights: Sequence[np.ndarray]) -> list[np.ndarray]:
        found = self.forward(weights, self.batch(99)[0])
        return [found * self.kind(1 + 1e-3)] if self.fault == "outputs" else [found]

    def loss_and_slices(
        self, weights: Sequence[np.ndarray], number: int
    ) -> tuple[float, np.ndarray, np.ndarray, np.ndarray]:
        """Return the loss, the ids, the gradient of each token's vector, and that of the kernel."""
        (ids, y), (table, kernel) = self.batch(number), weights
        hidden = np.tanh(table[ids])
        error = hidden.mean(axis=1) @ kernel - y
        loss = float((error**2).mean()) * (1.001 if self.fault == "loss" else 1.0)
        back = (2 / BATCH * error)[:, None] * kernel
        slices = back[:, None, :] * (1 - hidden**2) / self.kind(LENGTH)
        kernel_gradient = (2 / BATCH * error) @ hidden.mean(axis=1)
        if self.fault == "gradients":
            slices = slices * self.kind(1.01)
        return loss, ids, slices.astype(self.kind), kernel_gradient.astype(self.kind)

    def gradients(self, weights: Sequence[np.ndarray]) -> tuple[float, list[np.ndarray]]:
        loss, ids, slices, kernel = self.loss_and_slices(weights, 0)
        return loss, [self._summed(ids, slices), kernel]

    def train(
        self, steps: int, *, matched: bool, noise: np.random.Generator | None = None
    ) -> tuple[list[float], list[np.ndarray], list[np.ndarray]]:
        """Return the losses, how the first step moved the weights, and the weights at the end."""
        weights = [value.copy() for value in self.start]
        first = [np.zeros_like(value) for value in weights]
        second = [np.zeros_like(value) for value in weights]
        losses, moves = [], []
        for number in range(steps + 1):
            if noise is not None:
                weights = [self.moved(value, noise) for value in weights]
            loss, ids, slices, kernel = self.loss_and_slices(weights, number)
            losses.append(loss * (1 + 1e-3 * self._restless.random()) if self.fault == "restless" else loss)
            found = [self._summed(ids, slices), kernel]
            squares = [value**2 for value in found]
            if self.fault == "slices" and not matched:
                squares[0] = self._summed(ids, slices**2)
            before = [value.copy() for value in weights]
            for place, (gradient, square) in enumerate(zip(found, squares, strict=True)):
                first[place] = self.kind(0.9) * first[place] + self.kind(0.1) * gradient
                second[place] = self.kind(0.999) * second[place] + self.kind(0.001) * square
                rate = self.kind(RATE * np.sqrt(1 - 0.999 ** (number + 1)) / (1 - 0.9 ** (number + 1)))
                if self.fault == "optimizer":
                    rate = rate * self.kind(1.01)
                weights[place] = weights[place] - rate * first[place] / (np.sqrt(second[place]) + self.kind(EPSILON))
            if number == 0:
                moves = [after - old for after, old in zip(weights, before, strict=True)]
        return losses, moves, weights

    def moved(self, value: np.ndarray, noise: np.random.Generator) -> np.ndarray:
        return (value * (1 + ULP * noise.choice([-1.0, 1.0], value.shape))).astype(self.kind)

    def _summed(self, ids: np.ndarray, slices: np.ndarray) -> np.ndarray:
        total = np.zeros((VOCABULARY, WIDTH), self.kind)
        np.add.at(total, ids, slices)
        return total


DATA = PreparedData("toy.npz", "0" * 64, 64)


def request(backend: str = "jax", **fields: Any) -> ParityRequest:
    """Make the request for a process of the toy, ten steps long."""
    job = Request(
        job="parity-01",
        block=0,
        position=0,
        seed=0,
        backend=backend,
        device="cpu",
        workload=Reference("toy"),
        parameters={},
        batch_size=BATCH,
        precision="float32",
        execution="step",
        compile_kind="jit",
        lane="default",
        feed="device",
        data=DATA,
        cases=(),
        epoch_limit=1,
        effort=Effort(),
        reply="reply.json",
    )
    return ParityRequest(job, "weights.npz", "arrays.npz", **{"steps": 10, "matched": False, **fields})


class ToyAsker:
    """Answers parity requests with the toy; keeps them, so that a test can see what was asked."""

    def __init__(self, faults: Mapping[str, str] | None = None, **fields: Any) -> None:
        self.faults = faults or {}
        self.fields = fields
        """Fields that every computation gets."""
        self.requests: list[ParityRequest] = []
        self.environments: list[Mapping[str, str]] = []

    def ask(self, request: ParityRequest, environment: Mapping[str, str]) -> Answer:
        self.requests.append(request)
        self.environments.append(environment)
        fault = self.faults.get(f"{request.job.backend} reference" if request.reference else request.job.backend)
        if fault == "death":
            return Answer(Computation(error="ended with exit status 1: it broke"))
        answer = computed(request, fault, seed=len(self.requests))
        return replace(answer, computation=replace(answer.computation, **self.fields))


def computed(request: ParityRequest, fault: str | None = None, *, seed: int = 0) -> Answer:
    """Compute a request with the toy."""
    toy = Toy(np.float64 if request.reference else np.float32, fault, seed=seed)
    losses, moves, trained = toy.train(request.steps, matched=request.matched)
    again = toy.train(request.steps, matched=request.matched)
    loss, gradients = toy.gradients(toy.start)
    outputs = toy.outputs(toy.start)
    computation = Computation(
        losses=tuple(losses),
        first_loss=loss,
        repeat_losses=tuple(again[0]),
        trained=str(trained),
        repeat_trained=str(again[2]),
        optimizer="Adam",
        variables=VARIABLES,
        layers=("Dense", "Embedding"),
        sensitivity=_sensitivity(toy, request) if request.perturbations else None,
        step_seconds=(0.02 if request.deterministic else 0.01) if request.timing_s else None,
    )
    if request.only_trajectory:
        return Answer(computation)
    return Answer(computation, Tensors(outputs, gradients, moves))


def _sensitivity(toy: Toy, request: ParityRequest) -> Sensitivity:
    losses, outputs, (loss, gradients) = (
        toy.train(request.steps, matched=request.matched)[0],
        toy.outputs(toy.start),
        toy.gradients(toy.start),
    )
    found = []
    for number in range(request.perturbations):
        noise = np.random.default_rng(number)
        weights = [toy.moved(value, noise) for value in toy.start]
        other_loss, other = toy.gradients(weights)
        moved = losses_deviation(toy.train(request.steps, matched=request.matched, noise=noise)[0], losses)
        found.append(
            (
                outputs_deviation(toy.outputs(weights), outputs),
                float(losses_deviation([other_loss], [loss])[0]),
                gradients_deviation(other, gradients),
                moved,
            )
        )
    return Sensitivity(
        max(item[0] for item in found),
        max(item[1] for item in found),
        max(item[2] for item in found),
        tuple(np.maximum.accumulate(np.max([item[3] for item in found], axis=0)).tolist()),
    )
