"""The generated data: the same bytes everywhere, and best values that are exact."""

import itertools
import math
from collections import defaultdict
from fractions import Fraction

import numpy as np
import pytest
from dlbench.workloads import grammar_gpt, intent_transformer
from dlbench.workloads.draws import Draws, by_counts, stratified
from dlbench.workloads.intent_grammar import IntentGrammar, make_grammar
from dlbench.workloads.token_source import TokenSource, make_source


def test_the_stream_is_the_one_numpy_promises() -> None:
    assert Draws(1, 2).below(1000, (2, 3)).tolist() == [[682, 571, 673], [399, 210, 822]]


def test_permutation_and_counts() -> None:
    assert sorted(Draws(3).permutation(50)) == list(range(50))
    assert by_counts(np.array([[1, 0, 2], [0, 3, 0]])).tolist() == [[0, 2, 2], [1, 1, 1]]
    with pytest.raises(ValueError, match="same total"):
        by_counts(np.array([[1, 2], [1, 1]]))


def test_stratified_split_is_a_partition_with_equal_shares() -> None:
    labels = np.array([0] * 50 + [1] * 100)
    train, test = stratified(labels, (1, 5), 7)
    assert sorted([*train, *test]) == list(range(150))
    assert np.bincount(labels[test]).tolist() == [10, 20]
    assert not np.array_equal(stratified(labels, (1, 5), 8)[1], test)


def brute_force_best(source: TokenSource, length: int, seen: int) -> float:
    """Enumerate every sequence and add up the surprise of a model that knows all chances."""
    total = 0.0
    size = source.vocabulary
    row = source.counts / source.counts.sum(axis=1, keepdims=True)
    chances: dict[tuple[int, ...], float] = {}
    for sequence in itertools.product(range(size), repeat=length + 1):
        chance = (1.0 / size) ** source.order
        for place in range(source.order, length + 1):
            context = 0
            for token in sequence[place - source.order : place]:
                context = context * size + token
            chance *= row[context, sequence[place]]
        chances[sequence] = chance
    for place in range(1, length + 1):
        joint: dict[tuple[int, ...], float] = defaultdict(float)
        before: dict[tuple[int, ...], float] = defaultdict(float)
        start = max(0, place - seen)
        for sequence, chance in chances.items():
            joint[sequence[start : place + 1]] += chance
            before[sequence[start:place]] += chance
        total -= sum(c * math.log(c / before[key[:-1]]) for key, c in joint.items() if c > 0)
    return total / length


@pytest.mark.parametrize(("order", "length"), [(1, 4), (2, 5), (3, 5)])
def test_best_mean_loss_equals_the_sum_over_all_sequences(order: int, length: int) -> None:
    source = make_source(3, 5, order=order, row=(5, 2, 1))
    assert source.best_mean_loss(length) == pytest.approx(brute_force_best(source, length, length), rel=1e-12)


def test_best_mean_loss_of_a_short_sighted_model_equals_the_sum_over_all_sequences() -> None:
    source = make_source(3, 5, order=2, row=(5, 2, 1))
    assert source.best_mean_loss(5, seen=1) == pytest.approx(brute_force_best(source, 5, 1), rel=1e-12)
    assert source.best_mean_loss(5, seen=0) == pytest.approx(brute_force_best(source, 5, 0), rel=1e-12)


def test_a_row_of_known_counts_gives_the_entropy_in_closed_form() -> None:
    row = np.array([44, 10, 6, 4]) / 64
    entropy = -(row * np.log(row)).sum()
    source = make_source(8, 1)
    assert source.entropy_rate() == pytest.approx(entropy, rel=1e-12)
    assert source.best_mean_loss(32) == pytest.approx((math.log(8) + 31 * entropy) / 32, rel=1e-12)


def test_the_entropy_rate_weighs_contexts_by_how_often_they_come() -> None:
    counts = np.array([[3, 1], [2, 2]])  # stationary: 2/3 and 1/3
    source = TokenSource(2, 1, counts)
    first = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    assert source.entropy_rate() == pytest.approx(2 / 3 * first + 1 / 3 * math.log(2), rel=1e-12)


def test_samples_have_the_chances_and_the_perfect_model_reaches_the_best_loss() -> None:
    source = make_source(6, 9)
    tokens = source.sample(4000, 21, 1)
    chances = source.counts / 64
    surprise = -np.log(chances[tokens[:, :-2] * 6 + tokens[:, 1:-1], tokens[:, 2:]])
    losses = (math.log(6) + surprise.sum(axis=1)) / 20
    error = losses.std() / math.sqrt(len(losses))
    assert abs(losses.mean() - source.best_mean_loss(20)) < 4 * error


def test_no_model_with_one_token_of_context_reaches_the_target_of_the_gpt() -> None:
    for vocabulary in (6, 8, 32):
        for length in (4, 32, 128):
            source = make_source(vocabulary, grammar_gpt.SEED)
            target = source.best_mean_loss(length) + grammar_gpt.MARGIN
            assert source.best_mean_loss(length, seen=1) > target
            assert source.best_mean_loss(length, seen=0) > target
    defaults = make_source(8, grammar_gpt.SEED)
    assert defaults.best_mean_loss(32, seen=1) > defaults.best_mean_loss(32) + grammar_gpt.MARGIN + 0.4


def derivations(grammar: IntentGrammar) -> dict[tuple[int, ...], list[Fraction]]:
    """Return the chance of every utterance under every intent, by playing every derivation."""
    table: dict[tuple[int, ...], list[Fraction]] = defaultdict(lambda: [Fraction(0)] * grammar.intents)
    actions, objects = grammar.actions.shape[2], grammar.objects.shape[2]
    half, rest = grammar.length // 2, grammar.length - grammar.length // 2
    fillers = range(actions + objects, grammar.vocabulary)
    choices = itertools.product(
        range(grammar.intents), range(2), range(actions), range(objects), range(half), range(rest),
        itertools.product(fillers, repeat=grammar.length),
    )  # fmt: skip
    for intent, order, action, thing, first, second, words in choices:
        chance = Fraction(1, half * rest * grammar.fillers**grammar.length)
        chance *= Fraction(int(grammar.orders[intent, order]), int(grammar.orders[intent].sum()))
        for counts, word in ((grammar.actions, action), (grammar.objects, thing)):
            chance *= Fraction(int(counts[intent, order, word]), int(counts[intent, order].sum()))
        pair = (action, actions + thing) if order == 0 else (actions + thing, action)
        utterance = list(words)
        utterance[first], utterance[half + second] = pair
        table[tuple(utterance)][intent] += chance
    return table


def small_grammar() -> IntentGrammar:
    orders = np.array([[3, 1], [1, 3], [2, 2]])
    actions = np.array([[[2, 2], [3, 1]], [[1, 3], [2, 2]], [[4, 0], [0, 4]]])
    objects = np.array([[[1, 3], [4, 0]], [[2, 2], [1, 3]], [[3, 1], [2, 2]]])
    return IntentGrammar(orders, actions, objects, fillers=2, length=3)


def test_best_accuracy_equals_the_sum_over_all_utterances() -> None:
    grammar = small_grammar()
    table = derivations(grammar)
    assert sum(sum(chances) for chances in table.values()) == grammar.intents
    assert grammar.best_accuracy() == float(sum(max(chances) for chances in table.values()) / grammar.intents)


def test_best_accuracy_equals_that_of_the_bayes_classifier_on_samples() -> None:
    grammar = make_grammar(6, 16, 8, 10, 3)
    tokens, intents = grammar.sample(40_000, 4)
    actions = grammar.actions.shape[2]
    is_action, is_object = tokens < actions, (tokens >= actions) & (tokens < 2 * actions)
    assert (is_action.sum(axis=1) == 1).all()
    assert (is_object.sum(axis=1) == 1).all()
    rows = np.arange(len(tokens))
    action = tokens[rows, is_action.argmax(axis=1)]
    thing = tokens[rows, is_object.argmax(axis=1)] - actions
    order = (is_action.argmax(axis=1) > is_object.argmax(axis=1)).astype(int)
    score = grammar.orders[:, order] * grammar.actions[:, order, action] * grammar.objects[:, order, thing]
    hits = (score.argmax(axis=0) == intents).mean()
    best = grammar.best_accuracy()
    assert abs(hits - best) < 4 * math.sqrt(best * (1 - best) / len(tokens))
    assert grammar.best_accuracy(know_order=False) < best < 1.0


def test_the_intent_target_needs_the_order_of_words() -> None:
    data = intent_transformer.data(intent_transformer.SPEC.defaults())
    sizes = (intent_transformer.INTENTS, intent_transformer.WORDS, intent_transformer.FILLERS)
    grammar = make_grammar(*sizes, 16, intent_transformer.SEED)
    assert data.target is not None
    assert data.best is not None
    assert grammar.best_accuracy(know_order=False) < data.target < data.best < 1.0
