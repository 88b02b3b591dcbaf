"""The user's key, which marks pickles that this user's own programs made."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from lamina.errors import ArtifactError

LENGTH = 32


def key_file() -> Path:
    """Where the key lies: lamina/key in XDG_DATA_HOME, or in ~/.local/share."""
    told = os.environ.get("XDG_DATA_HOME", "")
    base = Path(told) if Path(told).is_absolute() else Path("~/.local/share").expanduser()
    return base / "lamina" / "key"


def key(make: bool) -> bytes:
    """The key; a new one where there is none.

    Args:
        make: whether it may be made; without a key nothing can carry its signature.

    Raises:
        ArtifactError: it cannot be read or written, others can read it, or it is missing.
    """
    path = key_file()
    try:
        found = _read(path)
        if found is None and make:
            _make(path)
            found = _read(path)
    except OSError as error:
        raise ArtifactError(
            f"the key file {str(path)!r} cannot be used: {error.strerror or error}",
            "Python objects without a form of their own need it: set XDG_DATA_HOME to a folder "
            "that can be written",
        ) from error
    if found is None:
        raise ArtifactError(
            f"there is no key {str(path)!r}: the pickle is not of this user", "run again"
        )
    return found


def _read(path: Path) -> bytes | None:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    with os.fdopen(handle, "rb") as file:
        state = os.fstat(file.fileno())
        secret = file.read(LENGTH + 1)
    wrong = ""
    if stat.S_IMODE(state.st_mode) & 0o077:
        wrong = "others may read or write it"
    elif state.st_uid != os.geteuid():
        wrong = "it belongs to another user"
    elif len(secret) != LENGTH:
        wrong = f"it has {len(secret)} bytes, not {LENGTH}"
    if wrong:
        raise ArtifactError(
            f"the key file {str(path)!r} is not used: {wrong}",
            "delete it; a new one is made, and what the old one marked is made again by a new run",
        )
    return secret


def _make(path: Path) -> None:
    """Writes a new key whole; of several processes that do so at once, one wins."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = path.with_name(f".key.{os.getpid()}.{secrets.token_hex(4)}")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(LENGTH))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(part, path)
        except FileExistsError:
            return
    finally:
        part.unlink(missing_ok=True)
