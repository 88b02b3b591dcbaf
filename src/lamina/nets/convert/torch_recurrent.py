"""Recurrent layers, attention and transformer encoders of torch as layers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor, fx, nn

from lamina.nets.convert.torch_build import Builder, Result, Unsupported, Wire, wire, wires
from lamina.nets.convert.torch_trace import Call, function_name
from lamina.nets.layers import LAYERS, Layer

_WHOLE = slice(None, None, None)


@dataclass(frozen=True)
class Recurrence:
    """What torch's recurrent layers and attention return before one tensor is picked.

    Args:
        wire: the tensor of our layer.
        part: "attention" or "result" (the tuple), "sequence", "states" or "hidden".
        last: whether our layer gives the last step only.
        cells: whether the states are a pair (LSTM), not one tensor (GRU).
        layers: number of layers, of which the last one's state counts.
    """

    wire: Wire
    part: str
    last: bool = False
    cells: bool = False
    layers: int = 1


def convert_recurrent(builder: Builder, call: Call, x: Result, hx: Any = None) -> Result:
    """LSTM or GRU, torch's own (a tuple comes out) or Lamina's (one tensor)."""
    module: Any = call.target
    if _nonzero(hx):
        raise Unsupported("initial states other than zero have no counterpart")
    if not module.batch_first:
        raise Unsupported("batch_first=False: rows come first here; make it batch_first=True")
    if getattr(module, "proj_size", 0):
        raise Unsupported(f"proj_size={module.proj_size} has no counterpart")
    ours = hasattr(module, "last")
    lasts = {module.last} if ours else set(_lasts(call.node, module))
    if len(lasts) != 1:
        raise Unsupported("its sequence and its last step are both used; one of them is given")
    last = lasts.pop()
    made: Any = LAYERS.get("LSTM" if isinstance(module, nn.LSTM) else "GRU")
    layer = made(
        input_size=module.input_size,
        hidden_size=module.hidden_size,
        num_layers=module.num_layers,
        bias=module.bias,
        dropout=float(module.dropout),
        bidirectional=module.bidirectional,
        last=last,
    )
    placed = builder.add(call.path, layer, wire(x), tensors=dict(module.state_dict()))
    if ours:
        return placed
    return Recurrence(placed, "result", last, isinstance(module, nn.LSTM), module.num_layers)


def element_of(value: Recurrence, index: Any) -> Result:
    """What [index] picks from the result of a recurrent layer or of attention."""
    if value.part == "attention" and index == 0:
        return value.wire
    if value.part == "result" and index == 0:
        return replace(value, part="sequence") if value.last else value.wire
    if value.part == "result" and index == 1:
        return replace(value, part="states" if value.cells else "hidden")
    if value.part == "states" and index == 0:
        return replace(value, part="hidden")
    last_layer = value.part == "hidden" and index in (-1, value.layers - 1)
    if last_layer or (value.part == "sequence" and _is_last_step(index)):
        return value.wire
    raise Unsupported("only the sequence, its last step and the last state have a counterpart")


def last_state(value: Recurrence, made: Any) -> Wire:
    """What squeeze(0) makes of the last state."""
    if value.part == "hidden" and value.layers == 1 and made.dim() == 2:
        return value.wire
    raise Unsupported("only the last state of one layer can be squeezed")


def convert_attention(
    builder: Builder,
    call: Call,
    query: Result,
    key: Result = None,
    value: Result = None,
    **options: Any,
) -> Result:
    """MultiheadAttention without masks; its first result is the attended sequence."""
    module: Any = call.target
    _check_attention(module, options)
    if key is None:
        inputs = [wire(query)]
    else:
        inputs = wires([query, key, key if value is None else value])
        inputs = inputs[:1] if len(set(inputs)) == 1 else inputs
    placed = builder.add(
        call.path, _attention_layer(module), *inputs, tensors=dict(module.state_dict())
    )
    return placed if _is_ours(module) else Recurrence(placed, "attention")


def convert_encoder_layer(builder: Builder, call: Call, src: Result, **options: Any) -> Result:
    """TransformerEncoderLayer, taken apart: attention, skips, norms and the dense part."""
    assert isinstance(call.target, nn.TransformerEncoderLayer)
    _refuse_masks(options)
    return _encoder_layer(builder, call.path, call.target, wire(src))


def convert_encoder(builder: Builder, call: Call, src: Result, **options: Any) -> Result:
    """TransformerEncoder: its layers one by one, and its norm."""
    module = call.target
    assert isinstance(module, nn.TransformerEncoder)
    _refuse_masks(options)
    x = wire(src)
    for index, part in enumerate(module.layers):
        assert isinstance(part, nn.TransformerEncoderLayer)
        x = _encoder_layer(builder, f"{call.path}.layers.{index}", part, x)
    return _norm(builder, f"{call.path}.norm", module.norm, x) if module.norm is not None else x


def _encoder_layer(
    builder: Builder, path: str, module: nn.TransformerEncoderLayer, x: Wire
) -> Wire:
    _check_attention(module.self_attn, {})

    def attended(y: Wire) -> Wire:
        attention = _attention_layer(module.self_attn)
        state = dict(module.self_attn.state_dict())
        y = builder.add(f"{path}.self_attn", attention, y, tensors=state)
        return builder.add(f"{path}.dropout1", _dropout(module.dropout1), y)

    def dense(y: Wire) -> Wire:
        y = _linear(builder, f"{path}.linear1", module.linear1, y)
        y = builder.add(f"{path}.activation", _activation(module.activation), y)
        y = builder.add(f"{path}.dropout", _dropout(module.dropout), y)
        y = _linear(builder, f"{path}.linear2", module.linear2, y)
        return builder.add(f"{path}.dropout2", _dropout(module.dropout2), y)

    for number, block in ((1, attended), (2, dense)):
        norm = getattr(module, f"norm{number}")
        before = _norm(builder, f"{path}.norm{number}", norm, x) if module.norm_first else x
        x = builder.add(f"{path}.add{number}", LAYERS.get("Add")(), x, block(before))
        x = x if module.norm_first else _norm(builder, f"{path}.norm{number}", norm, x)
    return x


def _linear(builder: Builder, path: str, module: nn.Linear, x: Wire) -> Wire:
    made: Any = LAYERS.get("Linear")
    layer = made(module.in_features, module.out_features, module.bias is not None)
    return builder.add(path, layer, x, tensors=dict(module.state_dict()))


def _norm(builder: Builder, path: str, module: Any, x: Wire) -> Wire:
    if not isinstance(module, nn.LayerNorm):
        raise Unsupported(f"{type(module).__name__} in the place of its norm")
    made: Any = LAYERS.get("LayerNorm")
    layer = made(
        tuple(module.normalized_shape),
        module.eps,
        module.elementwise_affine,
        module.bias is not None,
    )
    return builder.add(path, layer, x, tensors=dict(module.state_dict()))


def _dropout(module: nn.Dropout) -> Layer:
    made: Any = LAYERS.get("Dropout")
    layer: Layer = made(module.p)
    return layer


def _activation(function: Any) -> Layer:
    name = function_name(function) if not isinstance(function, nn.Module) else ""
    kind = {"relu": "ReLU", "gelu": "GELU"}.get(name) or type(function).__name__
    if kind not in ("ReLU", "GELU", "SiLU", "Tanh"):
        raise Unsupported(f"its activation {name or kind} has no counterpart")
    return LAYERS.get(kind)()


def _check_attention(module: Any, options: dict[str, Any]) -> None:
    _refuse_masks(options)
    if not module.batch_first:
        raise Unsupported("batch_first=False: rows come first here; make it batch_first=True")
    if module.bias_k is not None or module.add_zero_attn:
        raise Unsupported("add_bias_kv and add_zero_attn have no counterpart")


def _refuse_masks(options: dict[str, Any]) -> None:
    known = ("need_weights", "average_attn_weights")
    masks = [key for key, value in options.items() if value not in (None, False)]
    if given := [key for key in masks if key not in known]:
        raise Unsupported(f"{', '.join(given)} has no counterpart")


def _attention_layer(module: Any) -> Layer:
    made: Any = LAYERS.get("MultiheadAttention")
    layer: Layer = made(
        embed_dim=module.embed_dim,
        num_heads=module.num_heads,
        dropout=float(module.dropout),
        bias=module.in_proj_bias is not None,
    )
    return layer


def _is_ours(module: nn.Module) -> bool:
    return type(module).__name__ == "SelfAttention"


def _nonzero(state: Any) -> bool:
    if isinstance(state, tuple | list):
        return any(_nonzero(part) for part in state)
    if isinstance(state, Tensor):
        return bool(state.abs().sum() > 0)
    return state is not None


def _lasts(node: fx.Node, module: Any) -> Iterator[bool]:
    """For each use of the result: whether it takes the last step only."""
    for user in node.users:
        part = _index(user)
        if part == 1:
            if module.bidirectional:
                raise Unsupported("the last state of a bidirectional layer has no counterpart")
            yield True
        elif part == 0:
            for reader in user.users or {user: None}:
                yield _is_last_step(_index(reader))
        else:
            raise Unsupported("its tuple is used as a whole")


def _index(node: fx.Node) -> Any:
    return node.args[1] if function_name(node.target) == "getitem" else None


def _is_last_step(index: Any) -> bool:
    """Whether an index is [:, -1] or [:, -1, :]."""
    if not isinstance(index, tuple | list):
        return False
    return list(index) in ([_WHOLE, -1], [_WHOLE, -1, _WHOLE])
