"""The weights of a built problem by their Keras paths, checked to be those that a twin knows."""

import re
from collections.abc import Collection
from typing import Any

from ...results.errors import BrokenError, UsageError
from ...workloads.workload import Problem

NORM = "(gamma|beta)"
DENSE = "(kernel|bias)"
PATHS = {
    "digits_cnn": rf"(conv_[01]_\d+|logits)/{DENSE}",
    "cancer_mlp": rf"(hidden_\d+|logit)/{DENSE}",
    "grammar_gpt": (
        rf"tokens/embeddings|positions/table|(block_\d+_(attention|mlp)|final)_norm/{NORM}"
        rf"|block_\d+_attention/(query|key|value|attention_output)/{DENSE}"
        rf"|(block_\d+_mlp_(in|out)|logits)/{DENSE}"
    ),
}
"""By workload: a pattern that matches the path of every weight that its model has."""


def weights_of(workload: str, problem: Problem) -> dict[str, Any]:
    """Return the model's trainable Keras variables by path, in the model's order.

    Raises:
        UsageError: a layer does not compute in float32.
        BrokenError: the model has variables that the workload's model does not have.

    """
    model = problem.model
    other = {layer.compute_dtype for layer in model.layers} - {"float32"}
    if other:
        raise UsageError(
            f"the native twin of {workload} computes in float32, and the model in {', '.join(sorted(other))}; "
            "use --precision float32, or --execution step"
        )
    strange = [v.path for v in model.trainable_variables if not re.fullmatch(PATHS[workload], v.path)]
    strange += [v.path for v in model.non_trainable_variables]
    if strange:
        raise BrokenError(
            f"the native twin of {workload} knows no variable {strange[0]!r}: this is not the catalog's model; "
            "use --execution step"
        )
    return {variable.path: variable for variable in model.trainable_variables}


def depth_of(weights: Collection[str], pattern: str) -> int:
    """Return how many weights have a path that matches a pattern wholly."""
    return sum(re.fullmatch(pattern, path) is not None for path in weights)
