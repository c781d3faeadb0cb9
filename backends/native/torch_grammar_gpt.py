"""The decoder-only transformer `grammar_gpt` in torch.nn."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from ...workloads.workload import Problem
from ..backend import Native, StepSettings
from .torch_twin import Bound, linear, make_native, whole
from .weights import depth_of, weights_of

EPSILON = 1e-5
"""Of the layer normalisations."""


class Block(nn.Module):  # type: ignore[misc]
    """One pre-norm block; query, key and value come from one product."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm = nn.LayerNorm(width, EPSILON)
        self.project = nn.Linear(width, 3 * width)
        self.attention_output = nn.Linear(width, width)
        self.mlp_norm = nn.LayerNorm(width, EPSILON)
        self.mlp_in = nn.Linear(width, 4 * width)
        self.mlp_out = nn.Linear(4 * width, width)

    def forward(self, x: Any) -> Any:
        """Return vectors of the same shape, (batch, length, width)."""
        parts = self.project(self.attention_norm(x)).unflatten(-1, (3, self.heads, -1))
        query, key, value = parts.permute(2, 0, 3, 1, 4).unbind(0)
        mixed = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        x = x + self.attention_output(mixed.transpose(1, 2).flatten(2))
        return x + self.mlp_out(functional.gelu(self.mlp_in(self.mlp_norm(x))))


class GrammarGpt(nn.Module):  # type: ignore[misc]
    """Token and position vectors, blocks, a normalisation and the logits."""

    def __init__(self, vocabulary: int, length: int, width: int, depth: int, heads: int) -> None:
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width)
        self.positions = nn.Parameter(torch.empty(length, width))
        self.blocks = nn.Sequential(*[Block(width, heads) for _ in range(depth)])
        self.final_norm = nn.LayerNorm(width, EPSILON)
        self.logits = nn.Linear(width, vocabulary)

    def forward(self, token_ids: Any) -> Any:
        """Return logits for token ids of shape (batch, length)."""
        return self.logits(self.final_norm(self.blocks(self.tokens(token_ids) + self.positions)))


def twin(problem: Problem, settings: StepSettings, device: str) -> Native:
    """Return the twin; see `catalog.open_twin`."""
    weights = weights_of("grammar_gpt", problem)
    depth = depth_of(weights, r"block_\d+_attention/query/kernel")
    vocabulary, width = weights["tokens/embeddings"].shape
    length, heads = weights["positions/table"].shape[0], weights["block_0_attention/query/kernel"].shape[1]
    module = GrammarGpt(vocabulary, length, width, depth, heads).to(device)
    return make_native(problem, weights, module, _bound(module), _loss, settings, device)


def _bound(module: GrammarGpt) -> Iterator[Bound]:
    yield whole("tokens/embeddings", module.tokens.weight)
    yield whole("positions/table", module.positions)
    for number, block in enumerate(module.blocks):
        name = f"block_{number}"
        yield from _norm(f"{name}_attention_norm", block.attention_norm)
        yield from _attention(f"{name}_attention", block)
        yield from _norm(f"{name}_mlp_norm", block.mlp_norm)
        yield from linear(f"{name}_mlp_in", block.mlp_in)
        yield from linear(f"{name}_mlp_out", block.mlp_out)
    yield from _norm("final_norm", module.final_norm)
    yield from linear("logits", module.logits)


def _norm(name: str, layer: nn.LayerNorm) -> Iterator[Bound]:
    yield whole(f"{name}/gamma", layer.weight)
    yield whole(f"{name}/beta", layer.bias)


def _attention(name: str, block: Block) -> Iterator[Bound]:
    """Bind Keras' (width, heads, head) kernels to thirds of the common product, and the output's to (width, width)."""
    shape = (block.heads, -1)
    for third, part in enumerate(("query", "key", "value")):
        yield Bound(f"{name}/{part}/kernel", block.project.weight, _third(third, lambda t: t.T.unflatten(1, shape)))
        yield Bound(f"{name}/{part}/bias", block.project.bias, _third(third, lambda t: t.unflatten(0, shape)))
    output = block.attention_output
    yield Bound(f"{name}/attention_output/kernel", output.weight, lambda t: t.T.unflatten(0, shape))
    yield whole(f"{name}/attention_output/bias", output.bias)


def _third(number: int, view: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[torch.Tensor], torch.Tensor]:
    return lambda tensor: view(tensor.chunk(3)[number])


def _loss(logits: Any, y: Any) -> Any:
    return functional.cross_entropy(logits.flatten(0, 1), y.flatten().long())
