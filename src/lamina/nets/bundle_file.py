"""The file of a model bundle: safetensors with one JSON specification, digests, atomic writing."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lamina.errors import BundleError
from lamina.nets.initial import Weights

VERSION = "model/1"
"""The version of the file's specification: {"lamina": "model/1", ...}."""

_KEY = "lamina"
_RETRAIN = "train the model again, or take the file from a copy that is whole"
_FOREIGN = {
    b"PK\x03\x04": (
        "it is a zip archive (a torch .pt file is one, and may hold pickles)",
        "pickles are never loaded: in torch, build the module and its state dict, then "
        "lamina.nets.convert.torch_in.from_torch; a .keras file goes through from_keras",
    ),
    b"\x89HDF": (
        "it is an HDF5 file",
        "save it with Keras 3 as .keras and use lamina.nets.convert.keras_in.from_keras",
    ),
    b"{": (
        "it is JSON text",
        "a model@ file of the papers is read by lamina.nets.convert.dataview.read_model",
    ),
}


def pack(specification: Mapping[str, Any], weights: Weights) -> bytes:
    """The bytes of a bundle: equal specification and weights give equal bytes.

    The weights' digest must already stand in specification["digests"]["weights"]; the
    specification's own digest is added here as "sha256".
    """
    from safetensors.numpy import save

    signed = {"lamina": VERSION, "sha256": specification_digest(specification), **specification}
    contiguous = {name: np.ascontiguousarray(weights[name]) for name in sorted(weights)}
    data: bytes = save(contiguous, metadata={_KEY: _text(signed)})
    return data


def unpack(data: bytes, origin: str) -> tuple[dict[str, Any], Weights]:
    """Specification (without version and digest) and weights, both digests checked.

    Raises:
        BundleError: not a bundle, a pickle, truncated, another version, wrong digest.
    """
    document = _specification(data, origin)
    version = document.pop("lamina", None)
    if version != VERSION:
        raise BundleError(
            f"{origin} has version {version!r}; this Lamina reads {VERSION!r}",
            "upgrade Lamina (pip install -U lamina)"
            if _is_newer(version)
            else "save the model again with this Lamina",
        )
    stated = document.pop("sha256", None)
    if stated != _digest_of(document):
        raise BundleError(
            f"{origin} is damaged: its specification does not have the digest it states", _RETRAIN
        )
    weights = _arrays(data, origin)
    digests = document.get("digests")
    promised = digests.get("weights") if isinstance(digests, dict) else None
    if promised != weights_digest(weights):
        raise BundleError(
            f"{origin} is damaged: its weights do not have the digest it states", _RETRAIN
        )
    return document, weights


def weights_digest(weights: Weights) -> str:
    """Digest ("sha256:...") of names, shapes and little-endian float32 values, by sorted name."""
    digest = hashlib.sha256()
    for name in sorted(weights):
        array = np.ascontiguousarray(weights[name], dtype="<f4")
        digest.update(f"{name}{list(array.shape)}\n".encode())
        digest.update(array.tobytes())
    return f"sha256:{digest.hexdigest()}"


def specification_digest(specification: Mapping[str, Any]) -> str:
    """Digest ("sha256:...") of the specification's JSON text; key order counts."""
    return f"sha256:{hashlib.sha256(_text(specification).encode()).hexdigest()}"


def _digest_of(document: Mapping[str, Any]) -> str:
    """The digest of a specification that was read; nothing where it holds NaN or infinities."""
    try:
        return specification_digest(document)
    except ValueError:
        return ""


def read(path: Path, what: str = "model file") -> bytes:
    """The bytes of a file, called `what` in errors. Raises BundleError when it cannot be read."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise BundleError(f"there is no {what} {path}", "check the path") from None
    except OSError as error:
        raise BundleError(
            f"{what} {path} cannot be read: {error.strerror}", "give the path of a file"
        ) from None


def write_atomically(path: Path, data: bytes, what: str = "model file") -> None:
    """Writes a file whole or not at all: a new file beside it, synced, then renamed.

    Raises:
        BundleError: the folder does not exist or cannot be written.
    """
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with part.open("xb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(path)
    except OSError as error:
        raise BundleError(
            f"{what} {path} cannot be written: {error.strerror}",
            f"make the folder {path.parent} and see that it can be written",
        ) from None
    finally:
        part.unlink(missing_ok=True)


def _text(document: Mapping[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _specification(data: bytes, origin: str) -> dict[str, Any]:
    _refuse_foreign(data, origin)
    header = _header(data, origin)
    metadata = header.pop("__metadata__", None)
    text = metadata.get(_KEY) if isinstance(metadata, dict) else None
    if not isinstance(text, str):
        raise BundleError(
            f"{origin} is a safetensors file without a Lamina specification",
            "build a Bundle from a network and these weights, then save it",
        )
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise BundleError(f"{origin} is damaged: its specification is not JSON", _RETRAIN)
    return document


def _refuse_foreign(data: bytes, origin: str) -> None:
    # The length of a header may begin with the same bytes as another format does.
    if data[8:9] == b"{" and struct.unpack("<Q", data[:8])[0] <= len(data):
        return
    if len(data) >= 2 and data[0] == 0x80 and data[1] <= 5:
        raise BundleError(
            f"{origin} is not a model bundle: it is a pickle, and pickles are never loaded",
            "a pickle can run any code: save the weights as safetensors, or pass the module "
            "itself to lamina.nets.convert.torch_in.from_torch",
        )
    for magic, (what, way_out) in _FOREIGN.items():
        if data.startswith(magic):
            raise BundleError(f"{origin} is not a model bundle: {what}", way_out)


def _header(data: bytes, origin: str) -> dict[str, Any]:
    """safetensors' header: 8 bytes of length, then JSON with names and offsets."""
    if len(data) < 8:
        raise BundleError(f"{origin} is not a model bundle: it has {len(data)} bytes", _RETRAIN)
    (length,) = struct.unpack("<Q", data[:8])
    if length > 100_000_000 or data[8:9] not in (b"{", b""):
        raise BundleError(
            f"{origin} is not a model bundle (it does not begin as safetensors does)",
            "give the path of a .lamina file that `lamina train -o` wrote",
        )
    if len(data) < 8 + length:
        raise _truncated(origin, len(data), 8 + length)
    try:
        header = json.loads(data[8 : 8 + length])
        ends = [entry["data_offsets"][1] for k, entry in header.items() if k != "__metadata__"]
        wanted = 8 + length + max(ends, default=0)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError):
        raise BundleError(f"{origin} is damaged: its header cannot be read", _RETRAIN) from None
    if len(data) < wanted:
        raise _truncated(origin, len(data), wanted)
    return dict(header)


def _truncated(origin: str, found: int, wanted: int) -> BundleError:
    return BundleError(f"{origin} is cut off: it has {found} of {wanted} bytes", _RETRAIN)


def _arrays(data: bytes, origin: str) -> Weights:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        arrays = load(data)
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise BundleError(f"{origin} is damaged: {error}", _RETRAIN) from None
    foreign = sorted(name for name, array in arrays.items() if array.dtype != np.float32)
    if foreign:
        raise BundleError(
            f"{origin} holds weights that are not float32: {', '.join(foreign)}", _RETRAIN
        )
    return dict(arrays)


def _is_newer(version: object) -> bool:
    family, _, number = str(version).partition("/")
    return family == "model" and number.isdigit() and int(number[:9]) > 1
