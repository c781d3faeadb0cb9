"""Every workload that comes with dlbench, and the values of their parameters."""

import math
from collections.abc import Mapping

from ..results.errors import UsageError, unknown
from . import (
    bert_base,
    cancer_mlp,
    cifar10_resnet,
    digits_autoencoder,
    digits_cnn,
    digits_contrastive,
    digits_diffusion,
    digits_resnet,
    digits_vae,
    digits_vit,
    fraud_autoencoder,
    fraud_mlp,
    gpt2_small,
    grammar_gpt,
    imdb_lstm,
    intent_lstm,
    intent_transformer,
    keyword_dscnn,
    mnist_cnn,
    residual_mlp,
    resnet50,
    road_unet,
    unet_2015,
    vit_b16,
)
from .workload import Parameter, Spec, Value, Workload

WORKLOADS: tuple[Workload, ...] = (
    digits_cnn.WORKLOAD,
    cancer_mlp.WORKLOAD,
    intent_transformer.WORKLOAD,
    grammar_gpt.WORKLOAD,
    intent_lstm.WORKLOAD,
    keyword_dscnn.WORKLOAD,
    fraud_mlp.WORKLOAD,
    fraud_autoencoder.WORKLOAD,
    road_unet.WORKLOAD,
    digits_resnet.WORKLOAD,
    digits_vit.WORKLOAD,
    digits_vae.WORKLOAD,
    digits_diffusion.WORKLOAD,
    digits_autoencoder.WORKLOAD,
    digits_contrastive.WORKLOAD,
    residual_mlp.WORKLOAD,
    mnist_cnn.WORKLOAD,
    cifar10_resnet.WORKLOAD,
    imdb_lstm.WORKLOAD,
    resnet50.WORKLOAD,
    vit_b16.WORKLOAD,
    bert_base.WORKLOAD,
    gpt2_small.WORKLOAD,
    unet_2015.WORKLOAD,
)


def names() -> tuple[str, ...]:
    """Return the names of all workloads, in the order of the catalog."""
    return tuple(workload.spec.name for workload in WORKLOADS)


def get(name: str) -> Workload:
    """Return a workload by name."""
    for workload in WORKLOADS:
        if workload.spec.name == name:
            return workload
    raise unknown("workload", name, names())


def parameters_for(spec: Spec, given: Mapping[str, Value]) -> dict[str, Value]:
    """Return every parameter of a workload: the values given, converted and checked, else the default."""
    known = {parameter.name: parameter for parameter in spec.parameters}
    for name in given:
        if name not in known:
            raise unknown(f"parameter of {spec.name}", name, known)
    return spec.defaults() | {name: _checked(spec, known[name], value) for name, value in given.items()}


def _checked(spec: Spec, parameter: Parameter, given: Value) -> Value:
    """Return the value of one parameter in the type of its default."""
    value = _converted(spec, parameter, given)
    what = f"parameter {parameter.name!r} of {spec.name}"
    if parameter.choices and value not in parameter.choices:
        listing = ", ".join(str(choice) for choice in parameter.choices)
        raise UsageError(f"{what} takes one of {listing}; received {value!r}")
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        low, high = parameter.minimum, parameter.maximum
        if (low is not None and not value >= low) or (high is not None and not value <= high):
            raise UsageError(f"{what} takes {_range(low, high)}; received {value}")
    return value


def _range(low: float | None, high: float | None) -> str:
    if low is None:
        return f"at most {high:g}"
    return f"at least {low:g}" if high is None else f"{low:g} to {high:g}"


TRUTH = dict.fromkeys(("true", "yes", "on", "1"), True) | dict.fromkeys(("false", "no", "off", "0"), False)


def _converted(spec: Spec, parameter: Parameter, given: Value) -> Value:
    default, text = parameter.default, str(given).strip()
    if default is None or parameter.free:
        return _literal(text)
    try:
        if isinstance(default, bool):
            return TRUTH[text.lower()]
        if isinstance(default, int):
            return int(text)
        return float(text) if isinstance(default, float) else text
    except (ValueError, KeyError):
        kind = (
            "true or false"
            if isinstance(default, bool)
            else "a whole number"
            if isinstance(default, int)
            else "a number"
        )
        message = f"parameter {parameter.name!r} of {spec.name} takes {kind}; received {given!r}"
        raise UsageError(message) from None


def _literal(text: str) -> Value:
    """Return what a text looks like: a whole number, a number, true or false, else the text."""
    for kind in (int, float):
        try:
            value = kind(text)
        except ValueError:
            continue
        if math.isfinite(value):
            return value
    return {"true": True, "false": False}.get(text.lower(), text)
