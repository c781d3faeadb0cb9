"""Workload: a residual network with batch normalisation on CIFAR-10."""

import io
import pickle
import tarfile

import numpy as np

from . import digits_resnet, downloads
from .draws import part
from .workload import Data, Estimate, Parameter, Parameters, Problem, Spec, Workload

SEED = 20_282
SIDE = 32
HALF = np.float32(127.5)
"""Of the highest value of a colour."""
TRAIN_FILES = tuple(f"data_batch_{number}" for number in range(1, 6))
TEST_FILE = "test_batch"

SPEC = Spec(
    name="cifar10_resnet",
    area="vision",
    summary="residual network (He et al. 2016, basic blocks) naming what a photograph of 32x32 pixels shows",
    data="real",
    source="CIFAR-10, 50,000 training and 10,000 test images (Krizhevsky 2009), downloaded as keras.datasets.cifar10",
    batch_size=128,
    metric="accuracy",
    direction="max",
    target=0.70,
    epochs=25,
    parameters=(
        Parameter("width", 16, "channels of the first stage; doubled in each further one", 1, 1024),
        Parameter("depth", 3, "residual blocks per stage, of two convolutions each", 1, 300),
        Parameter("samples", 50_000, "training images, and at most as many test images", 100, 50_000, data=True),
    ),
    estimate=Estimate(
        first_step_s={"jax": 6.0, "torch": 1.0, "tensorflow": 5.0},
        converge_s={"jax": 2400.0, "torch": 6000.0, "tensorflow": 1500.0},
    ),
    download="cifar10",
)


def images(content: bytes) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return training images (n, 32, 32, 3), uint8, their classes (n,), and the same of the test, from the archive."""
    found: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
        for member in archive:  # in the archive's order: gzip cannot go back
            name = member.name.rpartition("/")[2]
            file = archive.extractfile(member) if name in (*TRAIN_FILES, TEST_FILE) else None
            if file is not None:
                batch = pickle.load(file, encoding="bytes")  # noqa: S301 - its hash is right: it is the published file
                colours_first = batch[b"data"].reshape(-1, 3, SIDE, SIDE)
                found[name] = colours_first.transpose(0, 2, 3, 1), np.array(batch[b"labels"])
    train, classes = (np.concatenate(parts) for parts in zip(*(found[name] for name in TRAIN_FILES), strict=True))
    return train, classes, *found[TEST_FILE]


def data(parameters: Parameters) -> Data:
    """Return images scaled to -1..1 and classes; fewer than there are is a random part."""
    pixels, classes, test_pixels, test_classes = images(downloads.read("cifar10"))
    train = part(len(classes), int(parameters["samples"]), SEED, 1)
    test = part(len(test_classes), int(parameters["samples"]), SEED, 2)
    return Data(
        (_scaled(pixels[train]),),
        (classes[train].astype(np.int32),),
        (_scaled(test_pixels[test]),),
        (test_classes[test].astype(np.int32),),
        facts={"classes": 10},
    )


def _scaled(pixels: np.ndarray) -> np.ndarray:
    scaled = np.ascontiguousarray(pixels, dtype=np.float32)
    scaled /= HALF
    scaled -= 1
    return scaled


def build(parameters: Parameters, data: Data) -> Problem:
    """Return the model, its loss and its optimizer."""
    import keras

    model = digits_resnet.network(parameters, data, SPEC.name)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return Problem(model, loss, keras.optimizers.Adam(1e-3))


WORKLOAD = Workload(SPEC, data, build)
