"""Random data from a signature: shapes, ranges and types as asked, and the same for the same seed."""

import numpy as np
import pytest
from dlbench.results.errors import UsageError
from dlbench.results.records.codec import from_json, to_json
from dlbench.workloads.synthetic import InputSignature, OutputSignature, Signature, make, sample_bytes, sample_count

SIGNATURE = Signature(
    (InputSignature("image", (4, 4, 1), "float32"), InputSignature("tokens", (5,), "int32", 7)),
    (
        OutputSignature("label", (), "class", 3),
        OutputSignature("hot", (3,), "one_hot", 3),
        OutputSignature("flag", (1,), "binary"),
        OutputSignature("value", (2, 2), "real"),
    ),
)


def test_arrays_fit_the_signature() -> None:
    data = make(SIGNATURE, 200, 0)
    forms = [(array.shape, str(array.dtype)) for array in data.train_x]
    assert forms == [((200, 4, 4, 1), "float32"), ((200, 5), "int32")]
    assert [a.shape for a in data.train_y] == [(200,), (200, 3), (200, 1), (200, 2, 2)]
    assert set(np.unique(data.train_x[1])) == set(range(7))
    assert set(np.unique(data.train_y[0])) == {0, 1, 2}
    assert (data.train_y[1].sum(axis=-1) == 1).all()
    assert set(np.unique(data.train_y[2])) == {0.0, 1.0}
    assert len(np.unique(data.train_y[3])) > 100
    assert data.test_x is data.train_x
    assert data.target is None


def test_the_seed_decides() -> None:
    one, same, other = (make(SIGNATURE, 20, seed).train_x[0] for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_a_signature_travels_through_the_codec() -> None:
    assert from_json(Signature, to_json(SIGNATURE)) == SIGNATURE


def test_sample_count_falls_with_the_size_of_a_sample() -> None:
    assert sample_bytes(SIGNATURE) == 16 * 4 + 5 * 4 + 4 * (1 + 3 + 1 + 4)
    assert sample_count(SIGNATURE) == 1024
    photo = Signature((InputSignature("photo", (224, 224, 3), "float32"),), SIGNATURE.outputs)
    assert sample_count(photo) == 111
    assert sample_count(Signature((InputSignature("volume", (512, 512, 64), "float32"),), ())) == 64


def test_wrong_use_is_told() -> None:
    with pytest.raises(UsageError, match="at least one sample"):
        make(SIGNATURE, 0, 0)
    with pytest.raises(UsageError, match="'x' needs a number of classes"):
        make(Signature((), (OutputSignature("x", (), "class"),)), 4, 0)
    with pytest.raises(UsageError, match="unknown kind of label 'reals'; did you mean 'real'"):
        make(Signature((), (OutputSignature("x", (), "reals"),)), 4, 0)


def test_low_precision_inputs_are_made_in_a_type_that_numpy_has() -> None:
    data = make(Signature((InputSignature("x", (2,), "bfloat16"),), ()), 4, 0)
    assert data.train_x[0].dtype == np.float32
