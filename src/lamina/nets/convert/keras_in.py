"""Networks from .keras files (Keras 3): Sequential and Functional, without Keras installed."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from lamina.errors import ConversionError, NetworkError
from lamina.nets.convert.keras_build import Builder, Tensor, Unsupported
from lamina.nets.convert.keras_file import KerasFile
from lamina.nets.convert.keras_graph import Reading, Step
from lamina.nets.convert.keras_layers import HANDLERS, NEUTRAL, SPATIAL
from lamina.nets.initial import Weights
from lamina.nets.network import Network
from lamina.nets.parts import Input

_WAY_OUT = (
    "replace these layers and save the model again, or go by way of torch "
    "(lamina.nets.convert.torch_in.from_torch)"
)
_CODE = ("Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer")


def from_keras(path: str | Path) -> tuple[Network, Weights]:
    """A network and its weights from a .keras file, computing the same in evaluation mode.

    Keras has channels last, our layers have them first. An input that leads to convolutions,
    pools or batch normalisation without another kind of layer between has its channels in
    front: Keras's (28, 28, 1) is our (1, 28, 28), its (steps, features) before a Conv1D our
    (features, steps). Outputs that come from such layers have, too; every other input and
    output has Keras's own axes. Inside, a Permute stands where both meet, and a Flatten before
    a Dense needs none: the rows of the Dense are brought into our order.

    Args:
        path: of a file that Keras 3 saved (model.save("model.keras")).

    Raises:
        ConversionError: not such a file; or the full list of layers and settings that have no
            counterpart, by name. Layers that hold code (Lambda) are never run.
        MissingExtraError: h5py is not installed.
    """
    with KerasFile(path) as file:
        reading = _read(file)
        builder = Builder(file)
        builder.mistakes.extend(reading.mistakes)
        builder.absorbed = frozenset(
            step.target for step in reading.steps if _into_dense(step, reading.steps)
        )
        inputs = [_input(builder, step, reading.steps) for step in reading.inputs]
        for step in reading.steps:
            _convert(builder, step)
    outputs = [builder.tensors[name].name for name in reading.outputs if name in builder.tensors]
    if builder.mistakes:
        raise ConversionError(f"{path} cannot become a network", builder.mistakes, _WAY_OUT)
    name = str(file.config.get("config", {}).get("name", "keras"))
    try:
        network = Network(tuple(inputs), tuple(builder.nodes), tuple(dict.fromkeys(outputs)), name)
    except NetworkError as error:
        raise ConversionError(
            f"{path} cannot become a network", error.mistakes, _WAY_OUT
        ) from error
    return network, builder.weights


def _read(file: KerasFile) -> Reading:
    try:
        return Reading(file.config, file.names)
    except (TypeError, ValueError, KeyError, AttributeError, RecursionError) as error:
        raise ConversionError(
            f"{file.path} cannot become a network",
            [f"its configuration is odd: {type(error).__name__}: {error}"],
            "save the model again with Keras 3",
        ) from None


def _input(builder: Builder, step: Step, steps: list[Step]) -> Input:
    """The network's input, with channels in front where spatial layers read it."""
    shape: Any = step.config.get("batch_shape", step.config.get("batch_input_shape"))
    sizes = shape[1:] if isinstance(shape, list) and shape else None
    if not sizes or not all(isinstance(size, int) and size > 0 for size in sizes):
        builder.mistakes.append(
            f"input {step.name}: its shape {shape} has sizes that are left open; give all but "
            "the batch"
        )
        sizes = [1]
    first = len(sizes) > 1 and _reaches(step.target, steps, SPATIAL)
    placed = (sizes[-1], *sizes[:-1]) if first else tuple(sizes)
    codes = any(s.kind == "Embedding" for s in steps if step.target in s.sources)
    name = builder.free_name(step.name)
    builder.tensors[step.target] = Tensor(name, placed, first)
    return Input(name, placed, "int" if codes else "float")


def _reaches(target: str, steps: list[Step], kinds: Iterable[str]) -> bool:
    """Whether a tensor is read by one of some kinds, through layers that treat values alike."""
    return any(
        reader.kind in kinds for reader in _readers(target, steps, (*NEUTRAL, "Add", "Concatenate"))
    )


def _into_dense(step: Step, steps: list[Step]) -> bool:
    """Whether all that a Flatten makes goes into Dense layers, the order of values aside."""
    through = ("BatchNormalization", *NEUTRAL)
    readers = _readers(step.target, steps, through)
    read = {source for reader in readers for source in reader.sources}
    return (
        step.kind == "Flatten"
        and any(reader.kind == "Dense" for reader in readers)
        and all(
            reader.kind == "Dense" or (reader.kind in through and reader.target in read)
            for reader in readers
        )
    )


def _readers(target: str, steps: list[Step], through: Iterable[str]) -> list[Step]:
    """Steps that read a tensor, and those that read what some kinds of them make of it."""
    known, found, reached = set(through), [], {target}
    for step in steps:  # in the order of computation: one pass finds all
        if reached & set(step.sources):
            found.append(step)
            if step.kind in known:
                reached.add(step.target)
    return found


def _convert(builder: Builder, step: Step) -> None:
    """Adds a step's layers; a mistake is noted, and a stand-in lets the rest be read."""
    inputs = [builder.tensors[source] for source in step.sources if source in builder.tensors]
    handler = HANDLERS.get(step.kind)
    try:
        if step.kind in _CODE:
            raise Unsupported("it holds code, which is never run")
        if handler is None:
            raise Unsupported("there is no such layer")
        if len(inputs) < len(step.sources):
            return
        before = len(builder.weights)
        builder.tensors[step.target] = handler(builder, step, inputs)
        if step.call and len(builder.weights) > before:
            raise Unsupported("it is used twice with the same weights; a layer has one place")
    except Unsupported as problem:
        builder.mistakes.append(f"{step.label}: {problem}")
    except (TypeError, ValueError, KeyError, AttributeError, IndexError) as error:
        builder.mistakes.append(f"{step.label}: its configuration is odd: {error}")
