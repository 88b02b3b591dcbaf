"""Writes tests/golden/keras: small models of Keras 3 with inputs and the outputs Keras computes.

Run with Keras 3 on JAX: KERAS_BACKEND=jax python tests/golden/make_keras.py
(The torch back end of Keras 3.15 repeats the edge in uneven "same" averages; JAX and TensorFlow
leave cells outside uncounted, and that is what the layer is documented to do.)
The tests read what it wrote; they need no Keras.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers as kl

FOLDER = Path(__file__).parent / "keras"


def dense() -> Any:
    """Sequential: activations by name and as layers, normalisation, dropout."""
    return keras.Sequential(
        [
            keras.Input((6,)),
            kl.Dense(8, activation="relu"),
            kl.BatchNormalization(),
            kl.Dense(7, use_bias=False),
            kl.LeakyReLU(negative_slope=0.15),
            kl.LayerNormalization(),
            kl.Dropout(0.3),
            kl.Dense(6, activation="gelu"),
            kl.Dense(5, activation="silu"),
            kl.Activation("tanh"),
            kl.LayerNormalization(center=False),
            kl.BatchNormalization(scale=False, epsilon=0.01),
            kl.Dense(4),
            kl.Softmax(),
        ],
        name="dense",
    )


def image() -> Any:
    """Functional: skips, paddings of both kinds, an image flattened into a Dense, two outputs."""
    given = keras.Input((9, 8, 2), name="picture")
    x = kl.Conv2D(4, 3, padding="same", activation="relu")(given)
    y = kl.Conv2D(4, (2, 3), strides=2, padding="same", use_bias=False)(x)
    y = kl.BatchNormalization(momentum=0.9)(y)
    y = kl.ReLU(negative_slope=0.1)(y)
    z = kl.MaxPooling2D(3, strides=2, padding="same")(x)
    joined = kl.Concatenate()([y, z])
    up = kl.UpSampling2D(2, interpolation="bilinear")(joined)
    up = kl.Conv2DTranspose(3, 3, strides=2, padding="same")(up)
    up = kl.DepthwiseConv2D(3, depth_multiplier=2, strides=2, padding="same")(up)
    up = kl.AveragePooling2D((2, 3), strides=(2, 2), padding="same")(up)
    up = kl.Conv2D(8, 1, groups=2)(up)
    joined = kl.Add()([joined, up])
    flat = kl.Flatten()(joined)
    flat = kl.Dropout(0.2)(flat)
    flat = kl.BatchNormalization()(flat)
    label = kl.Dense(5, activation="softmax", name="label")(flat)
    mean = kl.GlobalAveragePooling2D(name="mean")(joined)
    return keras.Model(given, [label, mean], name="image")


def sequence() -> Any:
    """Embedding and recurrent layers, one and both ways."""
    return keras.Sequential(
        [
            keras.Input((7,), dtype="int32"),
            kl.Embedding(11, 5),
            kl.Bidirectional(kl.LSTM(4, return_sequences=True)),
            kl.GRU(5, return_sequences=True),
            kl.LSTM(4, return_sequences=True, use_bias=False),
            kl.Dense(3, activation="tanh"),
            kl.GRU(4, dropout=0.1),
            kl.Dense(1, activation="sigmoid"),
        ],
        name="sequence",
    )


def mixed() -> Any:
    """Where layouts meet: convolutions into recurrence, reshapes, norms over channels."""
    signal, vector = keras.Input((12, 3), name="signal"), keras.Input((4,), name="vector")
    x = kl.Conv1D(6, 3, padding="same", dilation_rate=2, activation="relu")(signal)
    x = kl.MaxPooling1D(2)(x)
    x = kl.LayerNormalization()(x)
    x = kl.LSTM(6, return_sequences=True)(x)
    x = kl.Dense(6, activation="softmax")(x)
    x = kl.Conv1D(4, 2, strides=3, padding="same")(x)
    x = kl.GroupNormalization(groups=2)(x)
    x = kl.Permute((2, 1))(x)
    x = kl.Flatten()(x)
    y = kl.Reshape((2, 2, 1))(vector)
    y = kl.Conv2D(2, 2, padding="valid")(y)
    y = kl.UpSampling2D(2)(y)
    y = kl.GlobalMaxPooling2D()(y)
    return keras.Model([signal, vector], kl.Concatenate()([x, y]), name="mixed")


def volume() -> Any:
    """Three axes, and a model inside a model."""
    inner = keras.Sequential(
        [
            keras.Input((5, 5, 4, 2)),
            kl.Conv3D(3, 2, activation="relu"),
            kl.BatchNormalization(),
            kl.MaxPooling3D(2),
        ],
        name="inner",
    )
    given = keras.Input((5, 5, 4, 2), name="block")
    x = inner(given)
    return keras.Model(given, kl.Dense(2)(kl.GlobalAveragePooling3D()(x)), name="volume")


MODELS: dict[str, Callable[[], Any]] = {
    "dense": dense,
    "image": image,
    "sequence": sequence,
    "mixed": mixed,
    "volume": volume,
}


def randomised(model: Any, generator: np.random.Generator) -> None:
    """Gives every weight, running statistics included, values that are not its defaults."""
    model.set_weights(
        [generator.uniform(0.05, 0.6, w.shape) - 0.2 * (w.ndim > 1) for w in model.get_weights()]
    )


def rows_for(model: Any, generator: np.random.Generator) -> list[Any]:
    """Three rows for each input."""
    rows = []
    for given in model.inputs:
        shape = (3, *given.shape[1:])
        codes = "int" in given.dtype
        rows.append(generator.integers(0, 11, shape) if codes else generator.normal(size=shape))
    return [r.astype("int64" if r.dtype.kind == "i" else "float32") for r in rows]


def packed(path: Path) -> None:
    """Writes the archive again, compressed: HDF5 is mostly empty space in small models."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, data in members.items():
            archive.writestr(
                zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED
            )


def main() -> None:
    """Writes all models, with inputs and outputs beside them."""
    FOLDER.mkdir(exist_ok=True)
    for number, (name, make) in enumerate(MODELS.items()):
        generator = np.random.default_rng(number)
        keras.utils.clear_session()
        model = make()
        randomised(model, generator)
        rows = rows_for(model, generator)
        made = model.predict(rows if len(rows) > 1 else rows[0], verbose=0)
        outputs = made if isinstance(made, list) else [made]
        model.save(FOLDER / f"{name}.keras")
        packed(FOLDER / f"{name}.keras")
        arrays = {f"in{k}": r for k, r in enumerate(rows)}
        arrays |= {f"out{k}": np.asarray(o, np.float32) for k, o in enumerate(outputs)}
        np.savez_compressed(FOLDER / f"{name}.npz", **arrays)


if __name__ == "__main__":
    main()
