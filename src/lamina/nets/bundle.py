"""Model bundles: a trained network with everything that a prediction needs, as one file."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from lamina.errors import BundleError, LaminaError
from lamina.nets import bundle_file
from lamina.nets.initial import Weights
from lamina.nets.layers.base import size
from lamina.nets.network import Network

TASKS = ("binary", "classes", "regression")
"""What a model predicts: one of two classes, one of many, or numbers."""

_SORTED = ("metrics", "settings", "versions", "digests")


@dataclass(frozen=True, eq=False)
class Bundle:
    """A trained model: network, weights, preparation, and where they come from.

    Args:
        network: what computes.
        weights: float32 arrays by "node.parameter", buffers included; exactly those that the
            network names, in its shapes.
        preparation: a plain document of how a table becomes features (of the data room),
            statistics included; empty when the network takes arrays as they are.
        labels: class names in the order of class numbers; empty for regression.
        task: one of TASKS.
        loss: name of the loss it was trained with; empty when unknown.
        metrics: numbers of the final evaluation; values that are not a number become None.
        settings: plain document of the training settings.
        seed: of the training; None when unknown.
        engine, device: where it was trained; empty when unknown.
        versions: of Python and the libraries that trained it.
        digests: "sha256:..." of data and code; "weights" is filled in here.
        name: for messages and lists.

    Raises:
        BundleError: all mistakes at once: weights that are missing, left over or of another
            shape; an unknown task; values that no JSON document can hold.
    """

    network: Network
    weights: Weights
    preparation: Mapping[str, Any] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    task: str = "regression"
    loss: str = ""
    metrics: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    seed: int | None = None
    engine: str = ""
    device: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)
    name: str = "model"

    def __post_init__(self) -> None:
        mistakes = [*weight_mistakes(self.network, self.weights), *_kind_mistakes(self)]
        mistakes += _label_mistakes(self)
        for entry in fields(self):
            if entry.name not in ("network", "weights", "labels"):
                value = _plain(getattr(self, entry.name), entry.name, mistakes)
                object.__setattr__(self, entry.name, value)
        if mistakes:
            raise BundleError(
                "\n".join([f"model {self.name!r} does not hold:", *(f"  - {m}" for m in mistakes)]),
                "give the network that these weights were trained with, and plain values",
            )
        object.__setattr__(self, "labels", tuple(self.labels))
        weights = {n: np.ascontiguousarray(a, np.float32) for n, a in self.weights.items()}
        object.__setattr__(self, "weights", weights)
        digests = {**self.digests, "weights": bundle_file.weights_digest(weights)}
        object.__setattr__(self, "digests", digests)

    def __repr__(self) -> str:
        return f"<model {self.name}: {self.network.parameter_count()} parameters, {self.task}>"

    def _repr_html_(self) -> str:
        """A notebook shows its network and how good it is."""
        from lamina.workflow.draw.html import table_html

        rows = [[name, _told(value)] for name, value in self.metrics.items()]
        told = table_html(["model", self.name], [["task", self.task], *rows])
        return f"{told}{self.network._repr_html_()}"

    @property
    def digest(self) -> str:
        """ "sha256:..." over specification and weights: equal models have equal digests."""
        return bundle_file.specification_digest(self.to_document())

    def to_document(self) -> dict[str, Any]:
        """The specification: everything but the weights, as plain values."""
        from lamina.nets.document import network_to_document

        document: dict[str, Any] = {"name": self.name, "task": self.task}
        document["labels"] = list(self.labels)
        document["network"] = network_to_document(self.network)
        for key in ("preparation", "loss", "seed", "engine", "device", *_SORTED):
            document[key] = getattr(self, key)
        return document

    def to_bytes(self) -> bytes:
        """The file's bytes: the same for the same content, on every machine."""
        return bundle_file.pack(self.to_document(), self.weights)

    @classmethod
    def from_bytes(cls, data: bytes, origin: str = "the model") -> Bundle:
        """The bundle in a file's bytes. Raises BundleError; see `load`."""
        from lamina.nets.document import network_from_document

        document, weights = bundle_file.unpack(data, origin)
        known = {entry.name for entry in fields(cls)} - {"weights"}
        odd = [f"unknown entry {key!r}" for key in document if key not in known]
        odd += [f"entry {key!r} is missing" for key in sorted(known - set(document))]
        if odd:
            raise BundleError(f"{origin} does not hold: {'; '.join(odd)}", "save it again")
        try:
            network = network_from_document(document.pop("network"))
            return cls(network, weights, **document)
        except LaminaError as error:
            raise BundleError(f"{origin}: {error.message}", error.way_out) from error

    def save(self, path: str | Path) -> Path:
        """Writes the bundle as one file, whole or not at all.

        Args:
            path: usually with the extension .lamina; its folder must exist.

        Raises:
            BundleError: the file cannot be written.
        """
        target = Path(path)
        bundle_file.write_atomically(target, self.to_bytes())
        return target

    @classmethod
    def load(cls, path: str | Path) -> Bundle:
        """Reads a bundle; both digests are checked, and nothing in it is executed.

        Raises:
            BundleError: no such file, not a bundle, a pickle, cut off, damaged, another
                version, or weights that do not fit its network.
        """
        return cls.from_bytes(bundle_file.read(Path(path)), str(path))

    def describe(self) -> dict[str, Any]:
        """What `lamina models show` prints: plain values, without the weights.

        Shapes are lists and leave out the batch axis; `operations` counts floating-point
        operations of one row forward.
        """
        net = self.network
        layers = [
            {
                "name": node.name,
                "kind": node.layer.kind,
                "settings": _plain(node.layer.settings(), node.name, []),
                "reads": list(node.sources),
                "output": list(net.shapes[node.name]),
                "parameters": sum(map(size, node.layer.parameters(shapes).values())),
            }
            for node in net.nodes
            for shapes in (net.input_shapes(node),)
        ]
        document = self.to_document()
        del document["network"]
        return {
            **document,
            "digest": self.digest,
            "inputs": {i.name: list(i.shape) for i in net.inputs},
            "outputs": {name: list(net.shapes[name]) for name in net.outputs},
            "layers": layers,
            "parameters": net.parameter_count(),
            "operations": net.cost(),
        }


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a bundle's specification."""
    text = files("lamina.nets").joinpath("model.schema.json").read_text("utf-8")
    return dict(json.loads(text))


def weight_mistakes(network: Network, weights: Weights) -> list[str]:
    """Every array that is missing, left over, of another shape or not made of numbers."""
    wanted = {**network.parameters(), **network.buffers()}
    mistakes = [
        f"weight {name!r} {shape} is missing"
        for name, shape in wanted.items()
        if name not in weights
    ]
    for name, array in weights.items():
        if name not in wanted:
            mistakes.append(f"weight {name!r} {tuple(array.shape)} belongs to no layer")
        elif array.dtype.kind not in "fiu":
            mistakes.append(f"weight {name!r} holds {array.dtype} values: numbers fit")
        elif tuple(array.shape) != wanted[name]:
            mistakes.append(f"weight {name!r} has shape {tuple(array.shape)}: {wanted[name]} fits")
        elif not np.all(np.isfinite(array)):
            mistakes.append(f"weight {name!r} holds values that are not finite numbers")
    return mistakes


_KINDS: dict[str, tuple[type, str]] = {
    **dict.fromkeys(("preparation", "metrics", "settings"), (Mapping, "a mapping")),
    **dict.fromkeys(("versions", "digests"), (Mapping, "a mapping of texts")),
    **dict.fromkeys(("task", "loss", "engine", "device", "name"), (str, "text")),
}


def _kind_mistakes(bundle: Bundle) -> list[str]:
    """Entries of another kind than a reader of the model may expect."""
    mistakes = []
    for name, (kind, words) in _KINDS.items():
        value: Any = getattr(bundle, name)
        holds = value.values() if isinstance(value, Mapping) and words.endswith("texts") else ()
        if not (isinstance(value, kind) and all(isinstance(text, str) for text in holds)):
            mistakes.append(f"{name} is {_short(value)}: it is {words}")
    if bundle.seed is not None and (
        isinstance(bundle.seed, bool) or not isinstance(bundle.seed, int | np.integer)
    ):
        mistakes.append(f"seed is {_short(bundle.seed)}: it is a whole number, or unknown")
    return mistakes


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _label_mistakes(bundle: Bundle) -> list[str]:
    mistakes: list[str] = []
    task: Any = bundle.task
    labels: Any = bundle.labels
    if not isinstance(task, str):
        return mistakes
    if task not in TASKS:
        mistakes.append(f"task {task!r}: choose from {', '.join(TASKS)}")
    if not isinstance(labels, list | tuple) or not all(isinstance(one, str) for one in labels):
        return [*mistakes, f"labels {_short(labels)}: they are texts"]
    if len(set(labels)) != len(labels):
        mistakes.append(f"labels {', '.join(labels)}: each stands once")
    shape = bundle.network.shapes[bundle.network.outputs[0]]
    wanted = {"binary": 2, "classes": shape[0] if len(shape) == 1 else len(labels)}
    if labels and len(labels) != wanted.get(bundle.task, 0):
        mistakes.append(
            f"{len(labels)} labels for a {bundle.task} task with output {shape}: "
            f"{wanted.get(bundle.task, 0)} fit"
        )
    return mistakes


def _plain(value: Any, place: str, mistakes: list[str]) -> Any:
    """The value as JSON holds it; NaN and infinities become None."""
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if isinstance(value, Mapping):
        keys = sorted(value, key=str) if place in _SORTED else list(value)
        return {str(k): _plain(value[k], f"{place}.{k}", mistakes) for k in keys}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_plain(item, f"{place}[{k}]", mistakes) for k, item in enumerate(value)]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str | bool | int | None):
        return value
    if isinstance(value, Path):
        return str(value)
    mistakes.append(f"{place} is a {type(value).__name__}: a document holds plain values")
    return None


def _told(metric: Any) -> str:
    """A metric in a few letters: a number, or a mean and its deviation."""
    if isinstance(metric, Mapping):
        mean, std = metric.get("mean"), metric.get("std")
        return f"{_told(mean)} ± {_told(std)}" if std else _told(mean)
    return f"{metric:.4g}" if isinstance(metric, float) else "" if metric is None else str(metric)
