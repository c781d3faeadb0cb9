"""Workload for GPUs: ResNet-50 as published, on random pictures."""

from typing import Any

from .synthetic import InputSignature, OutputSignature, Signature, make
from .workload import SPEED_PHASES, Data, Parameter, Parameters, Problem, Spec, Workload

SEED, SAMPLES, CLASSES = 20_280, 64, 1000
STAGES = ((64, 3), (128, 4), (256, 6), (512, 3))
"""Channels and blocks; the last convolution of a block has four times the channels."""

SPEC = Spec(
    name="resnet50",
    area="vision",
    summary="ResNet-50 (He et al. 2016; stride in the 3x3 convolution), 25,557,032 parameters",
    data="synthetic",
    source="random pictures and classes",
    batch_size=16,
    parameters=(Parameter("size", 224, "side of the square pictures, in pixels", 32, 1024, data=True),),
    phases=SPEED_PHASES,
)


def data(parameters: Parameters) -> Data:
    """Return random pictures and classes."""
    size = int(parameters["size"])
    picture = InputSignature("picture", (size, size, 3), "float32")
    return make(Signature((picture,), (OutputSignature("logits", (), "class", CLASSES),)), SAMPLES, SEED)


def _conv(x: Any, channels: int, size: int, stride: int, name: str) -> Any:
    import keras

    if size > 1:
        x = keras.layers.ZeroPadding2D(size // 2, name=f"{name}_pad")(x)
    x = keras.layers.Conv2D(channels, size, stride, use_bias=False, kernel_initializer="he_normal", name=name)(x)
    return keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"{name}_norm")(x)


def build(parameters: Parameters, data: Data) -> Problem:
    """Return the model, its loss and its optimizer."""
    import keras

    layers = keras.layers
    picture = keras.Input(data.train_x[0].shape[1:], name="picture")
    x: Any = layers.ReLU(name="stem_relu")(_conv(picture, 64, 7, 2, "stem"))
    x = layers.MaxPooling2D(3, 2, name="stem_pool")(layers.ZeroPadding2D(1, name="stem_pool_pad")(x))
    for stage, (channels, blocks) in enumerate(STAGES):
        for number in range(blocks):
            name, stride = f"block_{stage}_{number}", 2 if stage and not number else 1
            bypass = x if number else _conv(x, 4 * channels, 1, stride, f"{name}_bypass")
            x = layers.ReLU(name=f"{name}_relu_a")(_conv(x, channels, 1, 1, f"{name}_a"))
            x = layers.ReLU(name=f"{name}_relu_b")(_conv(x, channels, 3, stride, f"{name}_b"))
            x = layers.Add(name=f"{name}_add")([bypass, _conv(x, 4 * channels, 1, 1, f"{name}_c")])
            x = layers.ReLU(name=f"{name}_relu_c")(x)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    logits = layers.Dense(CLASSES, dtype="float32", name="logits")(x)
    model = keras.Model(picture, logits, name="resnet50")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return Problem(model, loss, keras.optimizers.SGD(0.01, momentum=0.9))


WORKLOAD = Workload(SPEC, data, build)
