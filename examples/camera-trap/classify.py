"""Says what pictures of a camera trap show: a function that Lamina places, or serves.

The model is read from object storage once per process. With several devices a process of its own
works on each, and all take pictures from one queue, one at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import scenes
from devices import Devices

from lamina.nets.bundle import Bundle
from lamina.training.tasks import predict_arrays


@cache
def loaded(model: str) -> Bundle:
    """A model by its address: s3://bucket/models/camera-trap.lamina, a file, ..."""
    with fsspec.open(model, "rb") as file:
        return Bundle.from_bytes(file.read(), model)


@cache
def at_work(model: str, devices: tuple[str, ...]) -> Devices:
    """Processes that have the model, one for each device."""
    return Devices([str(Path(__file__).parent / "classify.py"), model], devices)


def warm(model: str, devices: Sequence[str] = ()) -> None:
    """Everything that the first picture would have to wait for."""
    if devices:
        at_work(model, tuple(devices)).ready()
    else:
        network = loaded(model).network
        predict_arrays(loaded(model), np.zeros((1, *network.shapes[network.inputs[0].name])))


def classify(items: list[Path], model: str, devices: Sequence[str] = ()) -> list[dict[str, Any]]:
    """What each picture shows, and how sure that is.

    Args:
        items: files.
        model: address of the model.
        devices: ids as CUDA_VISIBLE_DEVICES has them, or "cpu:0", "cpu:1"; a process for each.
            None: this process does it.
    """
    if devices:
        return at_work(model, tuple(devices)).map([str(item) for item in items])
    pictures = scenes.channels_first(np.stack([scenes.read(Path(item)) for item in items]))
    found = predict_arrays(loaded(model), pictures)
    return [
        {"class": str(name), "probability": round(float(sure), 4)}
        for name, sure in zip(found["prediction"], found["probability"], strict=True)
    ]


if __name__ == "__main__":
    import sys

    from devices import serve

    warm(sys.argv[1])
    serve(lambda item: classify([Path(item)], sys.argv[1])[0])
