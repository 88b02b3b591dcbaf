"""Torch's tensors: their kind and shape in one line, then their elements."""

from __future__ import annotations

import json
from typing import Any

_LINE = 64


class Tensors:
    """Dense tensors that are not in the middle of a computation; they come back on the CPU."""

    safe = True

    def fits(self, value: Any) -> bool:
        """Whether the tensor is dense, and a leaf."""
        import torch

        return (
            type(value) is torch.Tensor
            and value.layout == torch.strided
            and value.is_leaf
            and value.grad is None
            and not (value.is_quantized or value.is_conj() or value.is_neg())
            and not value._backward_hooks
            and value.device.type != "meta"
            and value.dtype in _kinds().values()
        )

    def write(self, value: Any, sink: Any) -> None:
        """A line of JSON, filled up so that the elements begin at a multiple of 64 bytes."""
        import torch

        names = {kind: name for name, kind in _kinds().items()}
        head = {
            "dtype": names[value.dtype],
            "shape": list(value.shape),
            "grad": value.requires_grad,
        }
        text = json.dumps(head).encode()
        sink.write(text + b" " * (-(len(text) + 1) % _LINE) + b"\n")
        if value.numel():
            flat = value.detach().cpu().contiguous().reshape(-1)
            _hold(sink)(memoryview(flat.view(torch.uint8).numpy()))

    def read(self, data: Any) -> Any:
        """A tensor over the mapped bytes."""
        import torch

        view = memoryview(data)
        end = bytes(view[: 1 << 16]).index(b"\n") + 1
        head = json.loads(bytes(view[:end]))
        kind, shape = _kinds()[head["dtype"]], [int(size) for size in head["shape"]]
        if len(view) == end:
            found = torch.empty(shape, dtype=kind)
            if found.numel():
                raise ValueError("elements are missing")
        else:
            buffer = bytearray(data) if isinstance(data, bytes) else data
            found = torch.frombuffer(buffer, dtype=kind, offset=end).reshape(shape)
        return found.requires_grad_(bool(head["grad"])) if head["grad"] else found


def _hold(sink: Any) -> Any:
    """How a sink takes bytes that stay as they are: without a copy where it can."""
    return getattr(sink, "hold", sink.write)


def _kinds() -> dict[str, Any]:
    import torch

    return {
        name: getattr(torch, name)
        for name in (
            *("float64", "float32", "float16", "bfloat16", "complex64", "complex128", "bool"),
            *("uint8", "int8", "int16", "int32", "int64"),
        )
    }


TENSORS = Tensors()
