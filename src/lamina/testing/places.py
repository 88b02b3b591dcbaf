"""Conformance of places: what any entry of `lamina.places` must do with files."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from lamina.data.staging.address import Address, address
from lamina.data.staging.places import Place, Stat
from lamina.data.staging.policy import Policy
from lamina.errors import StagingError

_FIRST, _SECOND = bytes(range(256)) * 300, b"another content"


def check_place(made: Place, base: str, pause: Callable[[], None] = lambda: None) -> None:
    """Holds a place to its contract.

    What was sent is there, with its size and a version that changes with the content; any part
    of it can be read, of that version only; what is not there is told as a StagingError, also
    among others that are.

    Args:
        made: the place under test.
        base: address of a folder there that is empty and can be written.
        pause: waits until a second content gets another version.

    Raises:
        AssertionError: says what does not hold.
    """
    file, nothing = address(f"{base}/a/file.bin"), address(f"{base}/nothing")
    first = _sent(made, _FIRST, file)
    found, missing = made.stat([file, nothing], Policy())
    assert found == first, f"it tells {found} and {first} of the same file"
    assert isinstance(missing, StagingError), f"it tells {missing} of a file that is not there"
    for start, end in ((0, 10), (5, 70_000), (len(_FIRST) - 1, len(_FIRST)), (0, len(_FIRST))):
        read = _read(made, file, (start, end), first.version)
        assert read == _FIRST[start:end], f"bytes {start} to {end} are others than were sent"
    assert _refuses(made, nothing, ""), "it reads a file that is not there"
    pause()
    second = _sent(made, _SECOND, file)
    assert _read(made, file, (0, len(_SECOND)), second.version) == _SECOND, "it keeps the old file"
    if first.version:
        assert second.version != first.version, "another content has the same version"
        assert _refuses(made, file, first.version), "it gives parts of another version"


def _sent(made: Place, content: bytes, file: Address) -> Stat:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file.bin"
        path.write_bytes(content)
        made.send(path, file, Policy(attempts=1))
    found = made.stat([file], Policy())[0]
    assert isinstance(found, Stat), f"what was sent is not there: {found}"
    assert found.size in (len(content), None), f"it tells {found.size} of {len(content)} bytes"
    return found


def _read(made: Place, file: Address, part: tuple[int, int], version: str) -> bytes:
    parts: list[bytes] = []
    made.read(file, part, version, lambda data: parts.append(data))
    return b"".join(parts)


def _refuses(made: Place, file: Address, version: str) -> bool:
    try:
        _read(made, file, (0, 5), version)
    except StagingError:
        return True
    return False
