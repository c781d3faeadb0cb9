"""Generation with a cache: from the layers of a decoder, a step that reads the prompts and one that adds a token.

Both have static shapes. The caches hold the keys and values of `prompt + new_tokens` positions from the start; those
that are not filled yet are masked. So a decoding step is the same work at every position.
"""

from collections.abc import Callable
from itertools import count, takewhile
from typing import Any

from ..results.errors import UsageError
from .transformer import through
from .workload import Generation, Parameters, Spec


def why_not(spec: Spec, parameters: Parameters) -> str | None:
    """Return why a workload with these parameters generates nothing; None where it does."""
    if spec.context is None:
        return f"{spec.name} generates nothing"
    prompt, new_tokens = int(parameters["prompt"]), int(parameters["new_tokens"])
    named = isinstance(spec.context, str)
    positions = int(parameters[str(spec.context)] if named else spec.context)
    if prompt + new_tokens <= positions:
        return None
    return (
        f"{spec.name} has {positions} positions, too few for prompt={prompt} and new_tokens={new_tokens}; "
        f"lower -p prompt or -p new_tokens{f', or raise -p {spec.context}' if named else ''}"
    )


def cached_generation(model: Any, head: Callable[[Any], Any], spec: Spec, parameters: Parameters) -> Generation:
    """Return both steps of a decoder made of `transformer`'s blocks `block_0`, `block_1` and so on.

    Args:
        model: with layers `tokens`, `positions`, the blocks and `final_norm`; the steps share its weights.
        head: turns normalised vectors into logits.
        spec: the workload's.
        parameters: with `prompt` and `new_tokens`.

    Raises:
        UsageError: the positions do not suffice.

    """
    import keras

    if reason := why_not(spec, parameters):
        raise UsageError(reason)
    prompt = int(parameters["prompt"])
    total = prompt + int(parameters["new_tokens"])
    layer = model.get_layer
    own = {each.name for each in model.layers}
    blocks = list(takewhile(lambda name: f"{name}_attention" in own, (f"block_{number}" for number in count())))

    def next_token(x: Any) -> Any:
        return keras.ops.argmax(head(layer("final_norm")(x)), axis=-1)

    tokens = keras.Input((prompt,), dtype="int32", name="prompt")
    caches: list[Any] = []
    x = layer("positions")(layer("tokens")(tokens))
    for name in blocks:
        attend = _over_prompt(layer(f"{name}_attention"), total)
        x = through(layer, x, _leaving(attend, caches), name)
    prefill = keras.Model(tokens, [next_token(x[:, -1:]), *caches], name=f"{model.name}_prefill")

    token = keras.Input((1,), dtype="int32", name="token")
    position = keras.Input((1,), dtype="int32", name="position")
    held = [keras.Input(cache.shape[1:], dtype=cache.dtype) for cache in caches]
    places = keras.ops.reshape(keras.ops.arange(total, dtype="int32"), (1, total))
    masks = keras.ops.equal(places, position), keras.ops.less_equal(places, position)
    updated: list[Any] = []
    x = layer("positions")(layer("tokens")(token), places=position)
    for number, name in enumerate(blocks):
        attend = _over_cache(layer(f"{name}_attention"))
        before = held[2 * number : 2 * number + 2]
        x = through(layer, x, _leaving(attend, updated, *before, *masks), name)
    decode = keras.Model([token, position, *held], [next_token(x), *updated], name=f"{model.name}_decode")
    return Generation(prefill, decode)


def _leaving(attend: Any, caches: list[Any], *given: Any) -> Callable[[Any], Any]:
    """Return attention with what it is given beside the vectors; its keys and values are added to `caches`."""

    def attended(x: Any) -> Any:
        result, *kept = attend(x, *given)
        caches.extend(kept)
        return result

    return attended


def _over_prompt(attention: Any, total: int) -> Any:
    """Return a layer of causal attention within the prompts, which also gives keys and values, padded to `total`."""
    import keras

    class PromptAttention(keras.layers.Layer):  # type: ignore[misc]
        """Calls the projections of an attention layer; shares its weights."""

        def __init__(self) -> None:
            super().__init__(name=attention.name, dtype=attention.dtype_policy)
            self.attention = attention

        def call(self, x: Any) -> Any:
            query, key, value = _projected(attention, x)
            rest = ((0, 0), (0, total - x.shape[1]), (0, 0), (0, 0))
            attended = keras.ops.dot_product_attention(query, key, value, is_causal=True)
            return attention.output_dense(attended), keras.ops.pad(key, rest), keras.ops.pad(value, rest)

    return PromptAttention()


def _over_cache(attention: Any) -> Any:
    """Return a layer of attention of one vector over a cache, which also gives the cache with that vector in it."""
    import keras

    class CachedAttention(keras.layers.Layer):  # type: ignore[misc]
        """Calls the projections of an attention layer; shares its weights."""

        def __init__(self) -> None:
            super().__init__(name=attention.name, dtype=attention.dtype_policy)
            self.attention = attention

        def call(self, x: Any, keys: Any, values: Any, here: Any, seen: Any) -> Any:
            """Masks: `here` is the vector's own place in the cache, `seen` that and all before, both (batch, total)."""
            query, key, value = _projected(attention, x)
            here = keras.ops.expand_dims(here, (2, 3))
            keys, values = keras.ops.where(here, key, keys), keras.ops.where(here, value, values)
            mask = keras.ops.expand_dims(seen, (1, 2))
            attended = keras.ops.dot_product_attention(query, keys, values, mask=mask)
            return attention.output_dense(attended), keys, values

    return CachedAttention()


def _projected(attention: Any, x: Any) -> tuple[Any, Any, Any]:
    """Return queries, keys and values, each of shape (batch, vectors, heads, size of a head)."""
    return attention.query_dense(x), attention.key_dense(x), attention.value_dense(x)
