"""The papers' documents (DATAVIEW): the trainer specification and the model@ result file."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamina.errors import ConversionError, DocumentError
from lamina.nets.bundle import Bundle
from lamina.nets.layers import LAYERS, Layer
from lamina.nets.network import Network, sequential

UNKNOWN = ("data", "labels", "learning_rate", "momentum", "preparation", "seed")
"""What a model@ file does not say about the training that made it."""

_TRAINER_KEYS = ("wIpt", "wOpt", "numOfBatches", "numOfEpochs", "LayerArc")
_MODEL_KEYS = ("DeviceInfo", "LayerArc", "SavedModel", "TestingAccuracy", "TrainingCostAtEpoch")
_CODES = {"1": "ReLU", "2": "Sigmoid"}
_CODE_HINT = "codes are '0,in,out' (Linear), '1' (ReLU) and '2' (Sigmoid)"


@dataclass(frozen=True)
class TrainerSpecification:
    """What the papers' trainer was told; rate, momentum, seed and loss are not part of it.

    Args:
        network: a chain of Linear, ReLU and Sigmoid.
        data: path of the table ("wIpt").
        output: where the model goes ("wOpt").
        batches: parts that the rows are cut into; DATAVIEW drops the remainder of the
            division and keeps the last part for testing.
        epochs: passes over the training parts.
    """

    network: Network
    data: str
    output: str
    batches: int
    epochs: int

    def to_text(self) -> str:
        """The document: one JSON line, every value a string.

        Raises:
            ConversionError: layers that the papers' system does not have, all of them.
        """
        document = {
            "wIpt": self.data,
            "wOpt": self.output,
            "numOfBatches": str(self.batches),
            "numOfEpochs": str(self.epochs),
            "LayerArc": _layer_codes(self.network),
        }
        return json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n"


def parse_trainer(text: str, origin: str = "trainer specification") -> TrainerSpecification:
    """Reads the text of a trainer specification.

    Raises:
        DocumentError: all mistakes at once: keys, codes, gaps, sizes that do not chain.
    """
    document = _object(text, origin)
    mistakes = _key_mistakes(document, _TRAINER_KEYS, needed=_TRAINER_KEYS)
    layers = _layers(document.get("LayerArc", {}), mistakes)
    counts = {
        key: _count(document[key], key, mistakes)
        for key in ("numOfBatches", "numOfEpochs")
        if key in document
    }
    for key in ("wIpt", "wOpt"):
        if not isinstance(document.get(key, ""), str):
            mistakes.append(f"{key} is {document[key]!r}: it is a path, as text")
    _refuse(origin, mistakes)
    return TrainerSpecification(
        network=sequential(layers, name="dataview"),
        data=document["wIpt"],
        output=document["wOpt"],
        batches=counts["numOfBatches"],
        epochs=counts["numOfEpochs"],
    )


def read_trainer(path: str | Path) -> TrainerSpecification:
    """Reads a trainer specification from a file; see `parse_trainer`."""
    return parse_trainer(_file_text(path), str(path))


def parse_model(text: str, origin: str = "model@ file", name: str = "dataview") -> Bundle:
    """Reads the text of a model@ file.

    Weights stand there as in x out (flat when out is 1) and are transposed to torch's
    out x in. What the file does not say is listed in the bundle's settings["unknown"].

    Raises:
        DocumentError: all mistakes at once: layers, arrays of other sizes, not numbers.
    """
    document = _object(text, origin)
    mistakes = _key_mistakes(document, _MODEL_KEYS, needed=("LayerArc", "SavedModel"))
    layers = _layers(document.get("LayerArc", {}), mistakes)
    arrays = _saved_arrays(layers, document.get("SavedModel", {}), mistakes)
    metrics = _metrics(document, mistakes)
    _refuse(origin, mistakes)
    network = sequential(layers, name=name)
    weights = {
        f"{network.nodes[index].name}.{part}": array for (index, part), array in arrays.items()
    }
    ends_binary = network.nodes[-1].layer.kind == "Sigmoid" and network.shapes[
        network.outputs[0]
    ] == (1,)
    return Bundle(
        network=network,
        weights=weights,
        task="binary" if ends_binary else "regression",
        loss="bce" if ends_binary else "",
        metrics=metrics,
        settings={"source": "DATAVIEW model@ file", "unknown": list(UNKNOWN)},
        device=str(document.get("DeviceInfo", "")),
        name=name,
    )


def read_model(path: str | Path) -> Bundle:
    """Reads a model@ file; see `parse_model`."""
    return parse_model(_file_text(path), str(path), name=Path(path).name)


def model_text(bundle: Bundle) -> str:
    """The text of a model@ file; weights are rounded to 8 decimals, as the papers' system did.

    Raises:
        ConversionError: layers that the papers' system does not have, all of them.
    """
    codes = _layer_codes(bundle.network)
    saved = {}
    for index, node in enumerate(bundle.network.nodes):
        weight = bundle.weights.get(f"{node.name}.weight")
        if weight is not None:
            zeros = np.zeros(len(weight), np.float32)
            bias = bundle.weights.get(f"{node.name}.bias", zeros)
            saved[str(index)] = {"bias": _array_text(bias), "weight": _array_text(weight.T)}
    document: dict[str, Any] = {"DeviceInfo": bundle.device, "LayerArc": codes}
    document["SavedModel"] = saved
    accuracy, cost = bundle.metrics.get("accuracy"), bundle.metrics.get("cost")
    if isinstance(accuracy, int | float):
        document["TestingAccuracy"] = accuracy
    document["TrainingCostAtEpoch"] = dict(cost) if isinstance(cost, Mapping) else {}
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n"


def write_model(bundle: Bundle, folder: str | Path) -> Path:
    """Writes `model@<hash>` into a folder and returns its path; the hash is of the text."""
    text = model_text(bundle)
    path = Path(folder) / f"model@{hashlib.sha256(text.encode()).hexdigest()[:8]}"
    return _write(path, text)


def write_trainer(specification: TrainerSpecification, path: str | Path) -> Path:
    """Writes a trainer specification as one JSON line and returns the path."""
    return _write(Path(path), specification.to_text())


def is_trainer(document: object) -> bool:
    """Whether a parsed JSON document looks like a trainer specification."""
    return isinstance(document, Mapping) and {"LayerArc", "wIpt"} <= set(document)


def _write(path: Path, text: str) -> Path:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise DocumentError(str(path), [f"cannot be written: {error.strerror}"]) from None
    return path


def _file_text(path: str | Path) -> str:
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except OSError as error:
        problem = f"cannot be read: {error.strerror}"
    except UnicodeDecodeError:
        problem = "is not text in UTF-8"
    raise DocumentError(str(path), [problem], "give the path of a DATAVIEW document")


def _refuse(origin: str, mistakes: list[str]) -> None:
    if mistakes:
        raise DocumentError(
            origin, mistakes, "mend the document; docs/formats.md shows both forms of DATAVIEW"
        )


def _object(text: str, origin: str) -> dict[str, Any]:
    repeated: list[str] = []

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(items)
        if len(found) != len(items):
            names = [key for key, _ in items]
            repeated.extend(sorted({key for key in names if names.count(key) > 1}))
        return found

    try:
        document = json.loads(text, object_pairs_hook=pairs)
    except ValueError as error:
        problem = f"is not JSON: {error}"
    except RecursionError:
        problem = "is nested too deeply"
    else:
        if isinstance(document, dict):
            _refuse(origin, [f"key {key!r} stands twice" for key in repeated])
            return document
        problem = f"holds a {type(document).__name__}, not an object"
    raise DocumentError(origin, [problem], "give a document that DATAVIEW wrote")


def _key_mistakes(
    document: Mapping[str, Any], known: tuple[str, ...], needed: tuple[str, ...]
) -> list[str]:
    missing = [f"key {key!r} is missing" for key in needed if key not in document]
    unknown = [
        f"unknown key {key!r}; known: {', '.join(known)}" for key in document if key not in known
    ]
    return missing + unknown


def _count(value: object, key: str, mistakes: list[str]) -> int:
    text = str(value).strip()
    digits = isinstance(value, str | int) and text.isascii() and text.isdigit()
    if digits and 0 < int(text[:10]) < 10**9:
        return int(text)
    mistakes.append(f"{key} is {value!r}: it is a whole number from 1 on")
    return 1


def _layers(codes: Any, mistakes: list[str]) -> list[Layer]:
    if isinstance(codes, str):
        try:
            codes = json.loads(codes)
        except (ValueError, RecursionError):
            codes = None
    if not isinstance(codes, dict) or not codes:
        mistakes.append("LayerArc is not an object with at least one layer")
        return []
    wanted = [str(index) for index in range(len(codes))]
    if set(codes) != set(wanted):
        found = ", ".join(map(str, codes))
        mistakes.append(f"LayerArc has the indices {found}: they run from 0 without a gap")
    layers: list[Layer] = []
    width: int | None = None
    for index in sorted(codes, key=lambda key: (not key.isdigit(), len(key), key)):
        layer, width = _layer(index, codes[index], width, mistakes)
        layers.extend([layer] if layer else [])
    if layers and layers[0].kind != "Linear":
        mistakes.append("LayerArc begins with an activation: the first layer is a Linear")
    return layers


def _layer(
    index: str, code: object, width: int | None, mistakes: list[str]
) -> tuple[Layer | None, int | None]:
    """The layer of a code and the width behind it; None for both after a mistake."""
    parts = [part.strip() for part in str(code).split(",")]
    if len(parts) == 1 and parts[0] in _CODES:
        return LAYERS.get(_CODES[parts[0]])(), width
    if len(parts) != 3 or parts[0] != "0":
        mistakes.append(f"LayerArc[{index}] is {code!r}: {_CODE_HINT}")
        return None, None
    before = len(mistakes)
    taken, given = (_count(part, f"LayerArc[{index}] {code!r}", mistakes) for part in parts[1:])
    if len(mistakes) > before:
        return None, None
    if width is not None and width != taken:
        mistakes.append(f"LayerArc[{index}] takes {taken} features; it gets {width}")
    linear: Any = LAYERS.get("Linear")
    return linear(taken, given), given


def _saved_arrays(
    layers: list[Layer], saved: Any, mistakes: list[str]
) -> dict[tuple[int, str], NDArray[np.float32]]:
    arrays: dict[tuple[int, str], NDArray[np.float32]] = {}
    if not isinstance(saved, dict):
        mistakes.append("SavedModel is not an object with an entry per Linear layer")
        return arrays
    linears = {str(k): layer for k, layer in enumerate(layers) if layer.kind == "Linear"}
    mistakes.extend(
        f"SavedModel[{index}] belongs to no Linear layer" for index in saved if index not in linears
    )
    for index, layer in linears.items():
        entry = saved.get(index)
        if not isinstance(entry, dict) or set(entry) != {"bias", "weight"}:
            mistakes.append(f"SavedModel[{index}] lacks its 'bias' and 'weight'")
            continue
        taken, given = layer.settings()["in_features"], layer.settings()["out_features"]
        for part, shape in (("weight", (taken, given)), ("bias", (given,))):
            array = _numbers(entry[part], f"SavedModel[{index}].{part}", shape, mistakes)
            if array is not None:
                arrays[int(index), part] = np.ascontiguousarray(array.T)
    return arrays


def _numbers(
    value: object, place: str, shape: tuple[int, ...], mistakes: list[str]
) -> NDArray[np.float32] | None:
    """Numbers from text (or from lists) in the wanted shape; a flat list stands for out = 1."""
    try:
        found = json.loads(value) if isinstance(value, str) else value
        array = np.array(found, dtype=np.float64)
    except (ValueError, TypeError, RecursionError, OverflowError):
        mistakes.append(f"{place} does not hold numbers in equal rows")
        return None
    if not np.all(np.isfinite(array)) or np.any(np.abs(array) > 3e38):
        mistakes.append(f"{place} holds values that are not finite numbers")
        return None
    flat = array.ndim == 1 and len(shape) == 2 and shape[1] == 1
    if array.shape == shape or (flat and array.size == shape[0]):
        return array.reshape(shape).astype(np.float32)
    mistakes.append(f"{place} has shape {array.shape}: {shape} fits (in x out, flat when out is 1)")
    return None


def _metrics(document: Mapping[str, Any], mistakes: list[str]) -> dict[str, Any]:
    metrics: dict[str, Any] = {}
    if "TestingAccuracy" in document:
        metrics["accuracy"] = _number(document["TestingAccuracy"], "TestingAccuracy", mistakes)
    cost = document.get("TrainingCostAtEpoch", {})
    if not isinstance(cost, dict):
        mistakes.append("TrainingCostAtEpoch is not an object of epoch and cost")
        return metrics
    metrics["cost"] = {
        epoch: _number(value, f"TrainingCostAtEpoch[{epoch}]", mistakes)
        for epoch, value in cost.items()
    }
    return metrics


def _number(value: object, place: str, mistakes: list[str]) -> float:
    try:
        number = float(str(value))
    except ValueError:
        number = math.nan
    if isinstance(value, bool) or not math.isfinite(number):
        mistakes.append(f"{place} is {value!r}: it is a number")
    return number


def _layer_codes(network: Network) -> dict[str, str]:
    mistakes = [] if network.chain else [f"network {network.name!r} is not a chain of layers"]
    codes = {}
    names = {name: code for code, name in _CODES.items()}
    for index, node in enumerate(network.nodes):
        shapes = network.input_shapes(node)
        if node.layer.kind == "Linear" and len(shapes[0]) == 1:
            codes[str(index)] = f"0,{shapes[0][0]},{network.shapes[node.name][0]}"
        elif node.layer.kind in names:
            codes[str(index)] = names[node.layer.kind]
        else:
            mistakes.append(f"{node.label} has no code")
    if mistakes:
        raise ConversionError(
            "DATAVIEW's documents cannot say this", mistakes, f"{_CODE_HINT}; save a Bundle instead"
        )
    return codes


def _array_text(array: NDArray[np.float32]) -> str:
    """Eight decimals; a matrix with one column is flat."""
    if array.ndim == 2 and array.shape[1] > 1:
        return f"[{','.join(_array_text(row) for row in array)}]"
    return f"[{','.join(map(_decimal, array.ravel()))}]"


def _decimal(value: np.float32) -> str:
    # The shortest digits that name the float32, so that 0.30000000 comes back as it was read.
    return f"{float(str(value)):.8f}"
