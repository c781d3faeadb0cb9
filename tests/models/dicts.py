"""A model that takes and gives dictionaries, with keys in no sorted order."""

import keras
from keras import layers


def build_model():
    inputs = {"z_num": keras.Input((4,), name="z_num"), "a_tok": keras.Input((3,), dtype="int32", name="a_tok")}
    tokens = layers.Flatten()(layers.Embedding(20, 4)(inputs["a_tok"]))
    x = layers.Concatenate()([inputs["z_num"], tokens])
    return keras.Model(inputs, {"zz": layers.Dense(10, activation="softmax")(x), "aa": layers.Dense(1)(x)})
