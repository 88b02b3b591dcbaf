"""Places for results, made and tried before the work begins."""

from __future__ import annotations

import os
from pathlib import Path

from lamina.errors import UsageError


def file_to_write(path: str | Path) -> Path:
    """The path of a file to write, its folder made.

    Raises:
        UsageError: the path is a folder, or its folder cannot be made or written.
    """
    target = Path(path)
    if target.is_dir():
        raise UsageError(f"{str(path)!r} is a folder", f"name a file in it: {target / 'NAME'}")
    folder_to_write(target.parent)
    return target


def written(content: str | bytes, path: str | Path) -> Path:
    """Writes a file, whole or not at all: what stood there before stays until then.

    Raises:
        UsageError: it cannot be written.
    """
    target = file_to_write(path)
    data = content.encode() if isinstance(content, str) else content
    if target.exists() and not target.is_file():  # /dev/stdout, a pipe
        target.write_bytes(data)
        return target
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        beside.write_bytes(data)
        beside.replace(target)
    except OSError as error:
        raise UsageError(
            f"{str(path)!r} cannot be written: {error.strerror}",
            "make room on the disk, or name another file",
        ) from error
    finally:
        beside.unlink(missing_ok=True)
    return target


def not_over(output: str | Path, *inputs: str | Path) -> None:
    """Refuses a result that would be written over what it is made from.

    Raises:
        UsageError: the output is the same file as an input.
    """
    target = Path(output)
    for given in inputs:
        try:
            same = target.samefile(given)
        except (OSError, ValueError):
            continue
        if same:
            raise UsageError(
                f"{str(output)!r} is read by this command: it would be overwritten",
                "name another file for the result",
            )


def folder_to_write(path: str | Path) -> Path:
    """The path of a folder to write into; made where it is not there.

    Raises:
        UsageError: it cannot be made or written, or it is a file.
    """
    target = Path(path)
    try:
        target.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise UsageError(f"{str(path)!r} is a file", "name a folder") from None
    except NotADirectoryError:
        raise UsageError(
            f"folder {str(path)!r} cannot be made: a part of it is a file", "name another path"
        ) from None
    except OSError as error:
        raise UsageError(
            f"folder {str(path)!r} cannot be made: {error.strerror}", "name another path"
        ) from error
    if not os.access(target, os.W_OK | os.X_OK):
        raise UsageError(
            f"folder {str(path)!r} cannot be written", "name another path, or change its rights"
        )
    return target
