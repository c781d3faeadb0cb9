"""Workload: a residual network with batch normalisation on the UCI handwritten digits."""

from typing import Any

from . import digits, digits_cnn
from .workload import Data, Estimate, Parameter, Parameters, Problem, Spec, Workload

SPEC = Spec(
    name="digits_resnet",
    area="vision",
    summary="residual network (He et al. 2016, basic blocks) naming handwritten digits of 8x8 pixels",
    data="real",
    source=digits.SOURCE,
    batch_size=64,
    metric="accuracy",
    direction="max",
    target=0.97,
    epochs=20,
    parameters=(
        Parameter("width", 16, "channels of the first stage; doubled in each further one", 1, 1024),
        Parameter("depth", 1, "residual blocks per stage, of two convolutions each", 1, 300),
    ),
    estimate=Estimate(
        first_step_s={"jax": 3.0, "torch": 0.3, "tensorflow": 2.0},
        converge_s={"jax": 2.0, "torch": 3.0, "tensorflow": 2.5},
    ),
)
STAGES = 3


def data(parameters: Parameters) -> Data:
    """Return images scaled to 0..1 and digits."""
    return digits_cnn.data(parameters)


def _block(x: Any, channels: int, stride: int, name: str) -> Any:
    """Return two convolutions with a bypass, which a convolution of one pixel fits where the shape changes."""
    import keras

    def conv(x: Any, size: int, stride: int, part: str) -> Any:
        layer = keras.layers.Conv2D(
            channels, size, stride, "same", use_bias=False, kernel_initializer="he_normal", name=f"{name}_{part}"
        )
        return keras.layers.BatchNormalization(momentum=0.9, name=f"{name}_{part}_norm")(layer(x))

    bypass = x if stride == 1 and x.shape[-1] == channels else conv(x, 1, stride, "bypass")
    x = keras.layers.ReLU(name=f"{name}_relu_1")(conv(x, 3, stride, "conv_1"))
    x = keras.layers.Add(name=f"{name}_add")([bypass, conv(x, 3, 1, "conv_2")])
    return keras.layers.ReLU(name=f"{name}_relu_2")(x)


def network(parameters: Parameters, data: Data, name: str) -> Any:
    """Return the model, of that name."""
    import keras

    pixels = keras.Input(data.train_x[0].shape[1:], name="pixels")
    x: Any = pixels
    for stage in range(STAGES):
        for number in range(int(parameters["depth"])):
            stride = 2 if stage and not number else 1
            x = _block(x, int(parameters["width"]) * 2**stage, stride, f"block_{stage}_{number}")
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    logits = keras.layers.Dense(int(data.facts["classes"]), dtype="float32", name="logits")(x)
    return keras.Model(pixels, logits, name=name)


def build(parameters: Parameters, data: Data) -> Problem:
    """Return the model, its loss and its optimizer."""
    import keras

    model = network(parameters, data, SPEC.name)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return Problem(model, loss, keras.optimizers.Adam(3e-3))


WORKLOAD = Workload(SPEC, data, build)
