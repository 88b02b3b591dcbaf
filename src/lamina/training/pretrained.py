"""Weights to begin with: arrays, a file, or what is published for a network of the zoo."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from lamina.data.download import check_digest, download, write_whole
from lamina.data.sources import MIRROR, cache_folder
from lamina.errors import ChecksumError, DataError, SettingsError
from lamina.nets.convert.state_in import Fitted, fit_state, read_fitted
from lamina.nets.initial import Weights
from lamina.nets.network import Network
from lamina.nets.published import PUBLISHED, Published

FROM_ADDRESS = "published"
"""In place of a path: the weights that are published for the network."""

FOLDER = "weights"
"""Folder of published files, in LAMINA_DATA and in our cache."""

PATIENCE = 3600.0
"""Seconds that a download of weights may take."""

_SCRATCH = "the training begins from scratch"

Told = str | Path | Mapping[str, Any] | None
"""Nothing, "published", a path, or arrays by name."""


@dataclass(frozen=True, eq=False)
class Beginning:
    """What the trainings of a network begin with.

    Args:
        weights: arrays by the network's names; all others are drawn.
        words: where they come from, and which layers begin anew; empty for drawn weights.
        warning: why there are none although they were asked for; empty where there are.
    """

    weights: Weights = field(default_factory=dict)
    words: str = ""
    warning: str = ""


def beginning(told: Told, network: Network) -> Beginning:
    """The weights that a training was told to begin with.

    Weights that are absent (no such file; published ones that neither lie here nor can be
    downloaded) are no error: the training begins from scratch, and `warning` says so.

    Args:
        told: None for drawn weights; "published"; the path of a file in torch's state-dict
            layout (safetensors or a torch file, or a model of ours); or arrays by name.
        network: that is trained.

    Raises:
        SettingsError: nothing is published for this network.
        ChecksumError: a published file that is not the promised one.
        ConversionError: a file that cannot be read, or whose arrays do not fit the network.
    """
    if told is None or told == "":
        return Beginning()
    if isinstance(told, Mapping):
        state = {str(name): np.asarray(array) for name, array in told.items()}
        return _begun(fit_state(state, network, "the given arrays"), "given arrays")
    if told != FROM_ADDRESS:
        path = Path(told)
        if not path.exists():
            return Beginning(warning=f"there are no weights at {path}: {_SCRATCH}")
        fitted = read_fitted(path, network)
        return _begun(fitted, f"{path.name} (sha256:{_digest(path)})")
    entry = PUBLISHED.get(network.name)
    if entry is None:
        raise SettingsError(
            f"network {network.name!r} cannot begin so",
            [f"there are published weights for {', '.join(PUBLISHED)} only"],
            "give the path of a file with weights",
        )
    try:
        found = published_file(entry)
    except ChecksumError:
        raise
    except DataError as error:
        return Beginning(warning=f"{error.message}; {_SCRATCH}. {error.way_out}")
    return _begun(read_fitted(found, network), f"{entry.file_name} (sha256:{entry.sha256})")


def published_file(entry: Published, *, offline: bool = False) -> Path:
    """The file of published weights, its digest checked.

    Looked for in the folder `weights` of LAMINA_DATA and in our cache, then downloaded there.

    Args:
        entry: which file.
        offline: True never asks the network.

    Raises:
        ChecksumError: bytes that are not the promised ones.
        DataError: it is not here and does not come.
    """
    kept = cache_folder().parent / FOLDER / entry.file_name
    mirror = os.environ.get(MIRROR, "")
    places = [Path(mirror).expanduser() / FOLDER / entry.file_name] if mirror else []
    for path in (*places, kept):
        if path.is_file():
            _check(path, entry)
            return path
    why = "the network is not asked"
    if not offline:
        try:
            data = download(entry.address, timeout=PATIENCE, largest=entry.size)
        except DataError as error:
            why = error.message
        else:
            check_digest(data, entry.sha256, entry.address, "try again, or take another copy")
            write_whole(data, kept)
            return kept
    raise DataError(
        f"published weights {entry.file_name} are not here: {why}",
        f"Put the file of {entry.address} at {kept}, or give the path of one",
    )


def _check(path: Path, entry: Published) -> None:
    found = _digest(path)
    if found != entry.sha256:
        raise ChecksumError(
            f"{path} is not the promised file: sha256 is {found}, and {entry.sha256} was promised",
            f"remove it, so that it is downloaded again from {entry.address}",
        )


def _begun(fitted: Fitted, source: str) -> Beginning:
    anew = f"; {', '.join(fitted.anew)} begin anew" if fitted.anew else ""
    return Beginning(fitted.weights, f"begun with {source}{anew}")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
