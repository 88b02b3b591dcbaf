"""Copies of files: made by the kernel, which shares the blocks where the file system can."""

from __future__ import annotations

import errno
import os
import shutil

_CANNOT = (errno.EXDEV, errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.EBADF, errno.EPERM)
_MOST = 1 << 30


def copy_bytes(source: int, target: int) -> int:
    """Copies all that an open file holds to another; gives the bytes. Raises OSError."""
    copied = 0
    if hasattr(os, "copy_file_range"):
        try:
            while count := os.copy_file_range(source, target, _MOST):
                copied += count
        except OSError as error:
            if copied or error.errno not in _CANNOT:
                raise
    if not copied:
        with open(source, "rb", closefd=False) as read, open(target, "wb", closefd=False) as write:
            shutil.copyfileobj(read, write, 1 << 20)
            copied = write.tell()
    return copied


def copy_file(source: str, target: str, mode: int) -> None:
    """A new file like another. Raises OSError."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    read = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
    try:
        write = os.open(target, flags, mode)
        try:
            copy_bytes(read, write)
            os.fchmod(write, mode)
        finally:
            os.close(write)
    finally:
        os.close(read)
