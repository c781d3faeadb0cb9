"""A user's own model: residual blocks with batch normalisation under a large step: training that is chaotic."""

import keras
from keras import layers


def build_model(width=16, depth=3, rate=1.0):
    inputs = keras.Input((16, 16, 3))
    x = layers.Conv2D(width, 3, padding="same", use_bias=False)(inputs)
    for _ in range(depth):
        y = layers.Conv2D(width, 3, padding="same", use_bias=False)(x)
        y = layers.ReLU()(layers.BatchNormalization()(y))
        x = layers.Add()([x, y])
    model = keras.Model(inputs, layers.Dense(10)(layers.GlobalAveragePooling2D()(x)))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.SGD(rate, momentum=0.9), loss=loss)
    return model
