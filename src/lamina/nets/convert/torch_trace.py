"""A torch module as a list of calls: traced by torch.fx, or by torch.export where fx cannot."""

from __future__ import annotations

import operator
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx, nn

from lamina.errors import ConversionError
from lamina.nets.convert import modules
from lamina.nets.convert.torch_out import NetworkModule
from lamina.nets.layers import Shape

ROWS = 3
"""Rows of the batch that is sent through the module; no axis of it is mistaken for another."""

_LEAVES = (
    modules.Add,
    modules.Concat,
    modules.Permute,
    modules.Reshape,
    modules.SequenceGRU,
    modules.SequenceLSTM,
    modules.SelfAttention,
    NetworkModule,
)


@dataclass(frozen=True, eq=False)
class Call:
    """One call of the traced module.

    Args:
        node: fx's node; its users tell where the result goes.
        path: where the module stands ("features.0"); empty for a function.
        target: the module, or the function's name ("relu", "flatten").
        value: what came out when a batch of ROWS rows was sent through.
    """

    node: fx.Node
    path: str
    target: nn.Module | str
    value: Any

    @property
    def label(self) -> str:
        """How messages call it: "Hardswish act" or "function cumsum"."""
        if isinstance(self.target, str):
            return f"function {self.target} ({self.node.name})"
        return f"{type(self.target).__name__} {self.path}"


@dataclass(frozen=True, eq=False)
class Trace:
    """A module's inputs, calls and outputs in the order of computation.

    Args:
        inputs: fx's placeholders with the shape of a row and "float" or "int".
        calls: modules and functions that make tensors from tensors of the inputs.
        outputs: fx's nodes whose values leave the module.
        values: everything that was computed on the way, by node (sizes, constants).
    """

    inputs: tuple[tuple[fx.Node, Shape, str], ...]
    calls: tuple[Call, ...]
    outputs: tuple[fx.Node, ...]
    values: dict[fx.Node, Any]


def trace(module: nn.Module, example: Any) -> Trace:
    """Traces a module in evaluation mode; the module is left as it was.

    Args:
        module: any module; control flow is followed as the example takes it (export).
        example: shape of one row (int or tuple), or a tensor with a batch axis, or a list
            of them, one per input.

    Raises:
        ConversionError: it does not run on the example, or neither fx nor export traces it.
    """
    batch = [_batch(item) for item in _examples(example)]
    training = {m: m.training for m in module.modules()}
    module.eval()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            graph, values = _graph(module, _runnable(module, batch))
    finally:
        for part, mode in training.items():
            part.training = mode
    return _read(graph, values)


class _Tracer(fx.Tracer):
    """fx's tracer, with Lamina's own modules and transformer layers as leaves."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(m, _LEAVES) or super().is_leaf_module(m, module_qualified_name)


class _Recorder(fx.Interpreter):
    """Runs a graph and keeps every value."""

    def __init__(self, graph: fx.GraphModule) -> None:
        super().__init__(graph)
        self.values: dict[fx.Node, Any] = {}

    def run_node(self, n: fx.Node) -> Any:
        self.values[n] = super().run_node(n)
        return self.values[n]


def _examples(example: Any) -> list[Any]:
    if isinstance(example, list):
        return example
    if isinstance(example, tuple) and any(not isinstance(item, int) for item in example):
        return list(example)
    return [example]


def _batch(example: Any) -> Tensor:
    """A batch of ROWS rows, made from a row's shape or from a tensor with a batch axis."""
    if isinstance(example, Tensor) and example.dim() > 1:
        if not example.dtype.is_floating_point:
            return example[:1].expand(ROWS, *example.shape[1:]).clone()
        return torch.zeros(ROWS, *example.shape[1:])
    shape = (example,) if isinstance(example, int) else example
    if isinstance(shape, tuple) and shape and all(isinstance(s, int) and s > 0 for s in shape):
        return torch.zeros(ROWS, *shape)
    raise ConversionError(
        "the example cannot be used",
        [f"{example!r} is neither a row's shape nor a tensor with a batch axis"],
        "give the shape of one row (16 or (1, 28, 28)), or a tensor of shape (rows, ...)",
    )


def _runnable(module: nn.Module, batch: list[Tensor]) -> list[Tensor]:
    """The batch as the module takes it: as it is, or as whole numbers (category codes)."""
    problems = []
    for tensors in (batch, [tensor.long() for tensor in batch]):
        try:
            with torch.no_grad():
                module(*tensors)
            return tensors
        except Exception as error:
            problems.append(f"with {tensors[0].dtype}: {_first_line(error)}")
    raise ConversionError(
        f"{type(module).__name__} does not run on the example",
        list(dict.fromkeys(problems)),
        "give the shape of one row, without the batch axis, or a tensor with it",
    )


def _graph(module: nn.Module, batch: list[Tensor]) -> tuple[fx.GraphModule, dict[fx.Node, Any]]:
    problems = []
    for form, make in (("torch.fx", _symbolic), ("torch.export", _exported)):
        try:
            graph = make(module, batch)
            recorder = _Recorder(graph)
            with torch.no_grad():
                recorder.run(*batch)
            return graph, recorder.values
        except Exception as error:
            problems.append(f"{form}: {_first_line(error)}")
    raise ConversionError(
        f"{type(module).__name__} cannot be traced",
        problems,
        "take branches that depend on values out of forward, or build the network from layers",
    )


def _symbolic(module: nn.Module, batch: Sequence[Tensor]) -> fx.GraphModule:
    del batch
    leaf = type(module).__module__.startswith("torch.nn.") and not isinstance(module, nn.Sequential)
    if leaf or isinstance(module, _LEAVES):
        module = nn.Sequential(module)
    graph = fx.GraphModule(module, _Tracer().trace(module))
    graph.graph.eliminate_dead_code()
    return graph


def _exported(module: nn.Module, batch: Sequence[Tensor]) -> fx.GraphModule:
    graph: fx.GraphModule = torch.export.export(module, tuple(batch), strict=False).module()
    for node in list(graph.graph.nodes):
        if node.op == "call_module" and node.name.startswith("_guards"):
            graph.graph.erase_node(node)
    graph.graph.eliminate_dead_code()
    return graph


def _first_line(error: Exception) -> str:
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0] if text else 'no message'}"


def _read(graph: fx.GraphModule, values: dict[fx.Node, Any]) -> Trace:
    parts = dict(graph.named_modules())
    wired: set[fx.Node] = set()
    inputs, calls = [], []
    outputs: tuple[fx.Node, ...] = ()
    for node in graph.graph.nodes:
        value = values.get(node)
        if node.op == "placeholder" and isinstance(value, Tensor):
            kind = "float" if value.dtype.is_floating_point else "int"
            inputs.append((node, tuple(value.shape[1:]), kind))
            wired.add(node)
        elif node.op == "output":
            outputs = tuple(_nodes(node.args))
        elif node.op.startswith("call_") and _tensors(value) and wired & set(node.all_input_nodes):
            module = parts[str(node.target)] if node.op == "call_module" else None
            path = str(node.target) if module is not None else ""
            calls.append(Call(node, path, module or function_name(node.target), value))
            wired.add(node)
    return Trace(tuple(inputs), tuple(calls), outputs, values)


def function_name(target: Any) -> str:
    """The plain name of a function, method or aten operator: "add_", iadd, add.Tensor -> add."""
    name = str(getattr(target, "__name__", target)).partition(".")[0].rstrip("_")
    return {"iadd": "add", operator.getitem.__name__: "getitem"}.get(name, name)


def _tensors(value: Any) -> bool:
    if isinstance(value, tuple | list):
        return any(_tensors(item) for item in value)
    return isinstance(value, Tensor)


def _nodes(argument: Any) -> Iterator[fx.Node]:
    if isinstance(argument, fx.Node):
        yield argument
    elif isinstance(argument, dict):
        yield from _nodes(list(argument.values()))
    elif isinstance(argument, tuple | list):
        for item in argument:
            yield from _nodes(item)
