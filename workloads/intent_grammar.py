"""A seeded grammar of utterances with overlapping intents, whose best possible accuracy is known exactly."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from .draws import Draws, Integers, by_counts

ORDERS = 2
"""Order 0: the action word comes first; order 1: the object word does."""


@dataclass(frozen=True, slots=True)
class IntentGrammar:
    """Utterances of `length` tokens: one action word and one object word among filler words.

    An intent (uniform) chooses the order, then the order and the intent choose both words. The first stands
    somewhere in the first half, the second in the second half; their places and the fillers are uniform and
    tell nothing. Tokens: actions first, then objects, then fillers.
    """

    orders: Integers
    """(intents, 2) counts, equal row totals."""
    actions: Integers
    """(intents, 2, actions) counts, equal row totals."""
    objects: Integers
    """(intents, 2, objects) counts, equal row totals."""
    fillers: int
    length: int

    @property
    def intents(self) -> int:
        """Number of intents."""
        return len(self.orders)

    @property
    def vocabulary(self) -> int:
        """Number of different tokens."""
        return int(self.actions.shape[2] + self.objects.shape[2]) + self.fillers

    def sample(self, count: int, *seed: int) -> tuple[Integers, Integers]:
        """Return utterances (count, length) and their intents (count,)."""
        draws = Draws(*seed)
        n_actions, n_objects = self.actions.shape[2], self.objects.shape[2]
        intent = draws.below(self.intents, (count,))
        order_of = by_counts(self.orders)
        order = order_of[intent, draws.below(order_of.shape[1], (count,))]
        rule = intent * ORDERS + order
        action_of = by_counts(self.actions.reshape(-1, n_actions))
        object_of = by_counts(self.objects.reshape(-1, n_objects))
        action = action_of[rule, draws.below(action_of.shape[1], (count,))]
        subject = object_of[rule, draws.below(object_of.shape[1], (count,))] + n_actions
        tokens = draws.below(self.fillers, (count, self.length)) + n_actions + n_objects
        half, rows = self.length // 2, np.arange(count)
        tokens[rows, draws.below(half, (count,))] = np.where(order == 0, action, subject)
        tokens[rows, half + draws.below(self.length - half, (count,))] = np.where(order == 0, subject, action)
        return tokens, intent

    def best_accuracy(self, know_order: bool = True) -> float:
        """Return the accuracy of the Bayes-optimal classifier.

        Only order, action and object tell the intent, so it is the sum over these of the likeliest intent's
        joint probability; added in integers and divided once. `know_order=False`: for a model that sees only
        which words are there.
        """
        joint = self.orders[:, :, None, None] * self.actions[:, :, :, None] * self.objects[:, :, None, :]
        if not know_order:
            joint = joint.sum(axis=1)
        total = int(self.orders[0].sum() * self.actions[0, 0].sum() * self.objects[0, 0].sum()) * self.intents
        return float(Fraction(int(joint.max(axis=0).sum()), total))


def make_grammar(intents: int, words: int, fillers: int, length: int, seed: int) -> IntentGrammar:
    """Return a grammar in which each intent and order prefers some of the `words` actions and objects."""
    draws = Draws(seed, intents, words)
    favourites = (28, 20, 8, 4, 2, 2)  # 64 in all
    actions = np.zeros((intents, ORDERS, words), dtype=np.int64)
    objects = np.zeros((intents, ORDERS, words), dtype=np.int64)
    for intent in range(intents):
        for order in range(ORDERS):
            actions[intent, order, draws.permutation(words)[: len(favourites)]] = favourites
            objects[intent, order, draws.permutation(words)[: len(favourites)]] = favourites
    first = 16 + draws.below(33, (intents,))  # of 64
    return IntentGrammar(np.stack([first, 64 - first], axis=1), actions, objects, fillers, length)
