"""Turns kernel code into machine code, once per machine: LLVM, and a cache on disk."""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import os
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import llvmlite
import llvmlite.binding as llvm

from lamina.training.engines.fused_kernel.plan import Core

_LOCK = threading.Lock()
_DIGEST = 32


@dataclass(frozen=True)
class Host:
    """The machine that code is written for."""

    cpu: str
    features: str
    core: Core


@lru_cache(maxsize=1)
def host() -> Host:
    """This machine, as LLVM sees it."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    found = llvm.get_host_cpu_features()
    lanes, registers = 4, 16
    triple = llvm.get_process_triple()
    if found.get("avx512f") and found.get("avx512dq") and found.get("avx512vl"):
        lanes, registers = 16, 32
    elif found.get("avx2") and found.get("fma"):
        lanes = 8
    elif triple.startswith(("aarch64", "arm64")):
        registers = 32
    x86 = triple.startswith(("x86", "i686"))
    return Host(llvm.get_host_cpu_name(), found.flatten(), Core(lanes, registers, x86))


@dataclass(frozen=True, eq=False)
class Machine:
    """Functions in memory, ready to be called; they release the interpreter's lock.

    Args:
        seconds: time that compiling or loading took.
        cached: whether the code came from disk.
    """

    functions: dict[str, Callable[..., None]]
    seconds: float
    cached: bool
    keeper: Any = field(repr=False)


def machine(key: str, write: Callable[[], str], functions: dict[str, tuple[Any, ...]]) -> Machine:
    """Machine code by key: from this process, from disk, or compiled from `write()`.

    Args:
        key: says all that `write` depends on.
        write: the module as LLVM code.
        functions: name -> ctypes types of the arguments.
    """
    digest = _digest(key)
    with _LOCK:
        found = _LOADED.get(digest)
        if found is not None:
            return Machine(found.functions, 0.0, True, found.keeper)
        start = time.perf_counter()
        path = cache_folder() / f"{digest}.o"
        stored = _stored(path)
        native = stored if stored is not None else compile_module(write())
        if stored is None:
            _keep(path, native)
        engine = load(native)
        ready: dict[str, Callable[..., None]] = {
            name: ctypes.CFUNCTYPE(None, *types)(engine.get_function_address(name))
            for name, types in functions.items()
        }
        result = Machine(ready, time.perf_counter() - start, stored is not None, engine)
        _LOADED[digest] = result
        return result


_LOADED: dict[str, Machine] = {}


def kept(key: str) -> bool:
    """Whether the machine code of a key is at hand and need not be compiled."""
    digest = _digest(key)
    return digest in _LOADED or (cache_folder() / f"{digest}.o").is_file()


def cache_folder() -> Path:
    """Where compiled kernels lie: XDG_CACHE_HOME or ~/.cache, in lamina/kernels."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "lamina" / "kernels"


def assembly(text: str) -> str:
    """The machine's assembly for a module, for reading."""
    module = llvm.parse_assembly(text)
    listing: str = _target().emit_assembly(module)
    return listing


def _digest(key: str) -> str:
    this = host()
    parts = (
        key,
        this.cpu,
        this.features,
        llvmlite.__version__,
        str(llvm.llvm_version_info),
        _sources(),
    )
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:40]


@lru_cache(maxsize=1)
def _sources() -> str:
    """Digest of the files that write the code; they do not change while a process runs."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _target() -> Any:
    this = host()
    return llvm.Target.from_triple(llvm.get_process_triple()).create_target_machine(
        cpu=this.cpu,
        features=this.features,
        opt=3,
        reloc="pic",
        codemodel="jitdefault",
        jit=True,
    )


def compile_module(text: str) -> bytes:
    """An object file with the module's machine code."""
    module = llvm.parse_assembly(text)
    native: bytes = _target().emit_object(module)
    return native


def load(native: bytes) -> Any:
    """Puts an object file into memory; lives as long as what is returned."""
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _target())
    engine.add_object_file(llvm.ObjectFileRef.from_data(native))
    engine.finalize_object()
    return engine


def _stored(path: Path) -> bytes | None:
    """The code in a cache file, or None when it is missing or damaged."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    native = content[_DIGEST:]
    return native if hashlib.sha256(native).digest() == content[:_DIGEST] else None


def _keep(path: Path, native: bytes) -> None:
    """Writes a cache file in one step; a folder that cannot be written is no mistake."""
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(hashlib.sha256(native).digest() + native)
            Path(name).replace(path)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise
