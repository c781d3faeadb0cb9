"""A Markov source of tokens of higher order, whose entropy is known exactly."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .draws import Draws, Integers, by_counts

ROW = (44, 10, 6, 4)
"""Counts of the successors of any context, the likeliest first; 64 in all."""
ORDER = 2


@dataclass(frozen=True, slots=True)
class TokenSource:
    """Tokens 0..vocabulary-1; the first `order` of a sequence are uniform, later ones follow a context."""

    vocabulary: int
    order: int
    counts: Integers
    """(vocabulary ** order, vocabulary), equal row totals; a row's number has the context's tokens as digits,
    the oldest first."""

    def sample(self, sequences: int, tokens: int, *seed: int) -> Integers:
        """Return sequences of tokens, shape (sequences, tokens)."""
        draws = Draws(*seed)
        successors = by_counts(self.counts)
        result = np.empty((sequences, tokens), dtype=np.int64)
        result[:, : self.order] = draws.below(self.vocabulary, (sequences, min(tokens, self.order)))
        places = np.array([self.vocabulary**power for power in reversed(range(self.order))], dtype=np.int64)
        choices = draws.below(successors.shape[1], (sequences, tokens))
        for position in range(self.order, tokens):
            context = result[:, position - self.order : position] @ places
            result[:, position] = successors[context, choices[:, position]]
        return result

    def probabilities(self) -> NDArray[np.float64]:
        """Return the chance of each token after each context."""
        return np.asarray(self.counts / self.counts.sum(axis=1, keepdims=True), dtype=np.float64)

    def advance(self, contexts: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the distribution of the context one token later."""
        joint = contexts[:, None] * self.probabilities()
        oldest_apart = joint.reshape(self.vocabulary, -1, self.vocabulary)
        return np.asarray(oldest_apart.sum(axis=0).reshape(-1))

    def contexts(self, steps: int) -> NDArray[np.float64]:
        """Return the distribution of the context `steps` tokens after the uniform start."""
        result = np.full(self.vocabulary**self.order, 1.0 / self.vocabulary**self.order)
        for _ in range(steps):
            result = self.advance(result)
        return result

    def conditional_entropy(self, contexts: NDArray[np.float64], seen: int) -> float:
        """Return the entropy of the next token in nats for a model that sees the last `seen` tokens."""
        joint = contexts[:, None] * self.probabilities()
        joint = joint.reshape(-1, self.vocabulary**seen, self.vocabulary).sum(axis=0)
        return _entropy(joint.reshape(-1)) - _entropy(joint.sum(axis=1))

    def best_mean_loss(self, length: int, seen: int | None = None) -> float:
        """Return the least expected cross entropy per position over `length` predictions, in nats.

        Position t predicts token t + 1 from tokens 0..t. The first order - 1 positions predict uniform
        tokens: log(vocabulary), whatever is known. `seen` limits the model to that many last tokens.
        """
        limit = self.order if seen is None else min(seen, self.order)
        blind = min(self.order - 1, length)
        total = blind * float(np.log(self.vocabulary))
        contexts = self.contexts(0)
        for _ in range(length - blind):
            total += self.conditional_entropy(contexts, limit)
            contexts = self.advance(contexts)
        return total / length

    def entropy_rate(self) -> float:
        """Return the entropy per token of the stationary source, in nats."""
        contexts = self.contexts(0)
        for _ in range(10_000):
            following = self.advance(contexts)
            settled = float(np.abs(following - contexts).sum()) < 1e-14
            contexts = following
            if settled:
                break
        return self.conditional_entropy(contexts, self.order)


def _entropy(distribution: NDArray[np.float64]) -> float:
    positive = distribution[distribution > 0.0]
    return float(-(positive * np.log(positive)).sum())


def make_source(vocabulary: int, seed: int, order: int = ORDER, row: tuple[int, ...] = ROW) -> TokenSource:
    """Return a source in which each context has its own random successors, with the chances of `row`."""
    draws = Draws(seed, vocabulary, order)
    contexts = vocabulary**order
    counts = np.zeros((contexts, vocabulary), dtype=np.int64)
    for context in range(contexts):
        counts[context, draws.permutation(vocabulary)[: len(row)]] = row
    return TokenSource(vocabulary, order, counts)
