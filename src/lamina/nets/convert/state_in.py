"""Weights from files in torch's state-dict layout, matched to a network by name and shape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamina.errors import ConversionError, MissingExtraError
from lamina.nets.initial import Weights
from lamina.nets.layers import Shape
from lamina.nets.network import Network
from lamina.nets.published import PUBLISHED

HEAD = "head"
"""The part in which networks of the zoo keep a head of their own."""

_COUNTER = ".num_batches_tracked"
"""torch's counter of batches: with a fixed momentum nothing reads it."""

_SAVE = "save a state dict: torch.save(module.state_dict(), FILE), or safetensors.torch.save_file"


@dataclass(frozen=True, eq=False)
class Fitted:
    """What a state gives to a network.

    Args:
        weights: arrays that are taken, float32, by the network's names.
        anew: layers of the network that begin anew: they have other outputs, or a head replaces
            the classifier that the state has.
        unused: layers of the state that the network does not have.
    """

    weights: Weights
    anew: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()


def read_fitted(path: str | Path, network: Network) -> Fitted:
    """What a file's weights give to a network; see `read_state` and `fit_state`."""
    return fit_state(read_state(path), network, str(path))


def read_state(path: str | Path) -> dict[str, NDArray[Any]]:
    """The arrays of a file by name.

    Args:
        path: a safetensors file (a model of ours is one), or one that torch.save wrote of a state
            dict. Which it is, its first bytes say. Nothing but arrays is read: no code of a
            pickle is ever run.

    Raises:
        ConversionError: no such file, or one that holds something else.
        MissingExtraError: torch is needed and not installed.
    """
    where = Path(path)
    try:
        with where.open("rb") as file:
            head = file.read(9)
    except OSError as error:
        raise ConversionError(
            f"weights {where} cannot be read", [str(error.strerror or error)], "check the path"
        ) from None
    if head[8:9] == b"{":
        return _safetensors(where)
    if head[:4] == b"PK\x03\x04" or head[:1] == b"\x80":
        return _torch(where)
    raise ConversionError(
        f"weights {where} cannot be read", ["it is neither safetensors nor a torch file"], _SAVE
    )


def fit_state(state: Mapping[str, NDArray[Any]], network: Network, origin: str = "state") -> Fitted:
    """The arrays of a state that a network takes over.

    Names and shapes must be the network's own, but for its end: the last layer begins anew where
    it has another number of outputs, and a part "head" where the state has none, in which case
    the published classifier in the state stays unused.

    Raises:
        ConversionError: all arrays that are missing, unknown, of another shape or of no numbers.
    """
    wanted = {**network.parameters(), **network.buffers()}
    given = {name: array for name, array in state.items() if not name.endswith(_COUNTER)}
    anew = _new_outputs(network, wanted, given)
    unused: set[str] = set()
    if any(_in_head(name) for name in wanted) and not any(map(_in_head, given)):
        anew |= {_layer(name) for name in wanted if _in_head(name)}
        classifiers = {entry.classifier for entry in PUBLISHED.values()}
        unused = classifiers - {_layer(name) for name in wanted}
    mistakes = [
        f"{name} {shape} is missing"
        for name, shape in wanted.items()
        if name not in given and _layer(name) not in anew
    ]
    for name, array in given.items():
        if _layer(name) not in anew | unused:
            mistakes += _mistakes(name, array, wanted)
    if mistakes:
        raise ConversionError(
            f"weights of {origin} do not fit network {network.name!r}",
            mistakes,
            "build the network as the one that they were trained with; only its last layer may "
            "have another number of outputs",
        )
    taken = {
        name: np.ascontiguousarray(given[name], dtype=np.float32)
        for name in wanted
        if name in given and _layer(name) not in anew
    }
    left = {_layer(name) for name in given} & unused
    return Fitted(taken, _ordered(anew, wanted), tuple(sorted(left)))


def _mistakes(name: str, array: NDArray[Any], wanted: Mapping[str, Shape]) -> list[str]:
    if name not in wanted:
        return [f"{name} {array.shape} has no place in the network"]
    if array.shape != wanted[name]:
        return [f"{name} has shape {array.shape}; the network needs {wanted[name]}"]
    if array.dtype.kind != "f":
        return [f"{name} holds {array.dtype}, not floating-point numbers"]
    return []


def _new_outputs(
    network: Network, wanted: Mapping[str, Shape], given: Mapping[str, NDArray[Any]]
) -> set[str]:
    """The last layer with weights, if the state has it for another number of outputs."""
    layers = [_layer(name) for name in network.parameters()]
    if not layers:
        return set()
    own = {name: shape for name, shape in wanted.items() if _layer(name) == layers[-1]}
    theirs = {name: array.shape for name, array in given.items() if _layer(name) == layers[-1]}
    if own.keys() != theirs.keys() or own == theirs:
        return set()
    alike = all(shape[1:] == theirs[name][1:] for name, shape in own.items())
    return {layers[-1]} if alike else set()


def _layer(name: str) -> str:
    return name.rpartition(".")[0]


def _in_head(name: str) -> bool:
    return name.startswith(f"{HEAD}.")


def _ordered(layers: set[str], wanted: Mapping[str, Shape]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_layer(name) for name in wanted if _layer(name) in layers))


def _safetensors(path: Path) -> dict[str, NDArray[Any]]:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return dict(load_file(path))
    except (SafetensorError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ConversionError(
            f"weights {path} cannot be read",
            [f"safetensors: {type(error).__name__}: {error}"],
            "take the file from a copy that is whole; arrays are float16, float32 or float64",
        ) from None


def _torch(path: Path) -> dict[str, NDArray[Any]]:
    try:
        import torch
    except ModuleNotFoundError:
        raise MissingExtraError("torch", "torch", f"reading {path}") from None
    try:
        held = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever a damaged or foreign file makes of it
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise ConversionError(
            f"weights {path} cannot be read",
            [f"torch, reading weights only: {reason}"],
            f"take the file from a copy that is whole, or {_SAVE}",
        ) from None
    if not isinstance(held, Mapping) or not held:
        raise ConversionError(
            f"weights {path} cannot be read", [f"it holds {_named(held)}, no state dict"], _SAVE
        )
    odd = [f"{n} is {_named(v)}, no tensor" for n, v in held.items() if not torch.is_tensor(v)]
    if odd:
        raise ConversionError(f"weights {path} cannot be read", odd, _SAVE)
    return {str(name): _array(tensor) for name, tensor in held.items()}


def _array(tensor: Any) -> NDArray[Any]:
    """A tensor as an array; torch's shorter floats, which NumPy lacks, as float32."""
    plain = tensor.detach()
    return np.asarray((plain.float() if plain.is_floating_point() else plain).numpy())


def _named(value: object) -> str:
    kind = type(value).__name__
    return f"an empty {kind}" if isinstance(value, Mapping) and not value else f"a value of {kind}"
