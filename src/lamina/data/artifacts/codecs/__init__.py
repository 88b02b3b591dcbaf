"""Codecs: how values become bytes and come back the same, found by the value's class."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Protocol

from lamina.data.artifacts.deposit import Buffer
from lamina.registry import Registry
from lamina.workflow.types import dotted_name


class Sink(Protocol):
    """Where bytes go."""

    def write(self, data: Buffer) -> int:
        """Takes bytes; they are used up when it returns."""


def hold(sink: Sink, data: Buffer) -> None:
    """Gives a sink bytes that stay as they are until the value is kept.

    One that has a method `hold` need not copy them.
    """
    getattr(sink, "hold", sink.write)(data)


class Codec(ABC):
    """One form of values as bytes.

    `safe` says whether reading runs none of the bytes' own will: only then a process that is not
    meant to run user code may read it.
    """

    safe: ClassVar[bool] = True

    def fits(self, value: Any) -> bool:
        """Whether this very value comes back the same; if not, it is pickled."""
        return True

    @abstractmethod
    def write(self, value: Any, sink: Sink) -> None:
        """Writes the value's bytes, the same for the same value."""

    @abstractmethod
    def read(self, data: Buffer) -> Any:
        """The value of verified bytes, which may be mapped. May raise anything."""


CODECS: Registry[Codec] = Registry(
    "codecs",
    "codec",
    {
        "npy": "lamina.data.artifacts.codecs.arrays:ARRAYS",
        "arrow": "lamina.data.artifacts.codecs.arrow:TABLES",
        "arrow-table": "lamina.data.artifacts.codecs.dataframes:ARROW_TABLES",
        "dataframe": "lamina.data.artifacts.codecs.dataframes:DATAFRAMES",
        "tensor": "lamina.nets.tensor_codec:TENSORS",
        "bytes": "lamina.data.artifacts.codecs.plain:BYTES",
        "pickle": "lamina.data.artifacts.codecs.pickles:PICKLES",
        "bundle": "lamina.nets.codecs:BUNDLES",
        "stream": "lamina.data.artifacts.frames:STREAMS",
        "network": "lamina.nets.codecs:NETWORKS",
    },
)
"""Name -> codec. What is no list, file, folder or plain value is kept by one of them."""

CLASSES = {
    "builtins.bytes": "bytes",
    "numpy.ndarray": "npy",
    "lamina.data.tables.Table": "arrow",
    "pyarrow.lib.Table": "arrow-table",
    "pandas.DataFrame": "dataframe",
    "pandas.core.frame.DataFrame": "dataframe",
    "torch.Tensor": "tensor",
    "torch.nn.parameter.Parameter": "pickle",
    "lamina.nets.bundle.Bundle": "bundle",
    "lamina.nets.network.Network": "network",
}
"""Dotted name of a class -> codec; a plug-in adds its own. Subclasses count only where they are
told here: a subclass has more to it than its base's codec knows."""

MAPPED = "numpy.memmap"


def codec_of(value: Any) -> str:
    """The name of the codec that keeps a value: "pickle" where there is no better one."""
    dotted = dotted_name(type(value))
    name = CLASSES.get("numpy.ndarray" if dotted == MAPPED else dotted, "pickle")
    return name if CODECS.get(name).fits(value) else "pickle"
