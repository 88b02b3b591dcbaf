"""Who passed the camera: a network learns it, some animals being rare; it is judged and stored."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import fsspec
import numpy as np
import scenes
from numpy.typing import NDArray

from lamina import run
from lamina.data.split import holdout
from lamina.nets.bundle import Bundle
from lamina.nets.network import Network
from lamina.training.result import bundle
from lamina.training.settings import Settings
from lamina.training.tasks import evaluate_arrays
from lamina.training.trainer import train
from lamina.workflow import Workflow, task, workflow

SUFFIXES = {".jpg", ".jpeg", ".png"}


class Pictures(NamedTuple):
    """Pictures (rows, height, width, 3) from 0 to 255, and the class of each."""

    images: NDArray[Any]
    classes: list[str]


class Parts(NamedTuple):
    """Pictures to learn from, and others to be judged by."""

    images: NDArray[Any]
    classes: list[str]
    test_images: NDArray[Any]
    test_classes: list[str]


@task
def pictures(
    folder: Annotated[Path, "folder"] | None = None, count: int = 900, seed: int = 0
) -> Pictures:
    """Those of a folder that has a folder of them for each class, or made-up ones."""
    if folder is None:
        return Pictures(*scenes.batch(count, seed))
    files = sorted(one for one in folder.glob("*/*") if one.suffix.lower() in SUFFIXES)
    if not files:
        raise ValueError(f"{folder} has no pictures in folders named like their classes")
    return Pictures(np.stack([scenes.read(file) for file in files]), [f.parent.name for f in files])


@task
def divide(images: NDArray[Any], classes: list[str], test: float, seed: int) -> Parts:
    """A part of each class is kept to judge by."""
    labels = np.unique(classes, return_inverse=True)[1]
    rows, kept = holdout(len(images), test=test, seed=seed, labels=labels)
    names = np.array(classes)
    return Parts(images[rows], names[rows].tolist(), images[kept], names[kept].tolist())


@task
def upsample(images: NDArray[Any], classes: list[str], seed: int) -> Pictures:
    """As many of each class as of the most frequent one: copies are mirrored, moved, relit."""
    source = np.random.default_rng(seed)
    names = np.array(classes)
    most = max(Counter(classes).values())
    more, told = [images], [*classes]
    for name in sorted(set(classes)):
        own = np.flatnonzero(names == name)
        wanted = source.choice(own, most - len(own))
        more += [changed(images[row], source)[None] for row in wanted]
        told += [name] * len(wanted)
    return Pictures(np.concatenate(more), told)


def changed(image: NDArray[Any], source: np.random.Generator) -> NDArray[np.uint8]:
    """A picture that could have been taken as well: mirrored, moved, in other light."""
    if source.random() < 0.5:
        image = image[:, ::-1]
    down, right = (int(source.integers(-length // 12, length // 12 + 1)) for length in (64, 96))
    padded = np.pad(image, [(8, 8), (8, 8), (0, 0)], mode="edge")
    height, width = image.shape[:2]
    moved = padded[8 + down : 8 + down + height, 8 + right : 8 + right + width]
    lit = moved * source.uniform(0.8, 1.2) + source.uniform(-12.0, 12.0)
    return np.clip(lit + source.normal(0.0, 3.0, lit.shape), 0, 255).astype(np.uint8)


@task(cpus=1)
def learn(
    network: Network, images: NDArray[Any], classes: list[str], epochs: int, seed: int
) -> Bundle:
    """The trained network; what it takes are channels first, from 0 to 1."""
    chosen = Settings(
        epochs=epochs,
        batch_size=48,
        optimiser="adam",
        learning_rate=0.004,
        schedule="cosine",
        shuffle="epoch",
        seed=seed,
    )
    data = (scenes.channels_first(images), np.array(classes))
    return bundle(train(network, data, settings=chosen, plan="all", engine="torch", threads=1))


@task
def judge(model: Bundle, images: NDArray[Any], classes: list[str]) -> dict[str, Any]:
    """Metrics on pictures that it has not seen, and how many of each class it recognises."""
    found = evaluate_arrays(model, scenes.channels_first(images), np.array(classes))
    matrix = np.array(found["confusion"]["matrix"])
    shares = np.diag(matrix) / np.maximum(matrix.sum(axis=1), 1)
    recognised = dict(zip(found["confusion"]["labels"], shares.round(3).tolist(), strict=True))
    return {"accuracy": found["accuracy"], "recognised": recognised, "pictures": len(images)}


@task(cache=False)
def store(model: Bundle, place: str, metrics: dict[str, Any]) -> str:
    """Puts the model into object storage, its metrics beside it; where it is now.

    place: any address that fsspec knows: s3://bucket/models, file:///data/models, a folder.
    """
    address = f"{place.rstrip('/')}/camera-trap.lamina"
    for name, content in (
        (address, model.to_bytes()),
        (f"{address}.json", json.dumps(metrics, indent=2).encode()),
    ):
        with fsspec.open(name, "wb", auto_mkdir=True) as file:
            file.write(content)
    return address


def camera_trap() -> Workflow:
    """The same workflow as camera-trap.yaml."""
    with workflow("camera-trap", folder=Path(__file__).parent) as w:
        folder = w.input("folder", "folder", optional=True)
        count = w.input("count", "int", default=900)
        network = w.input("network", "network", default="network.yaml")
        epochs = w.input("epochs", "int", default=14)
        place = w.input("place", "str", default="models")
        found = pictures(folder, count=count, seed=1)
        parts = divide(found.images, found.classes, test=0.25, seed=2)
        more = upsample(parts.images, parts.classes, seed=3)
        model = learn(network, more.images, more.classes, epochs=epochs, seed=4)
        metrics = judge(model, parts.test_images, parts.test_classes)
        w.output("metrics", metrics)
        w.output("model", model)
        w.output("stored", store(model, place, metrics))
    return w.workflow


if __name__ == "__main__":
    print(run(camera_trap())["metrics"])  # noqa: T201
