"""Networks and models as ONNX files, written operator by operator and checked by onnxruntime."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamina.errors import ConversionError, MissingExtraError
from lamina.nets.bundle import Bundle, weight_mistakes
from lamina.nets.bundle_file import write_atomically
from lamina.nets.convert.onnx_graph import IR_VERSION, OPSET, Graph, Place, onnx_library
from lamina.nets.convert.onnx_layers import EXPORTERS, Refusal
from lamina.nets.initial import Weights
from lamina.nets.network import Network
from lamina.nets.parts import Input

_WAY_OUT = "replace these layers, or add an exporter to lamina.nets.convert.onnx_layers.EXPORTERS"

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class OnnxCheck:
    """How far onnxruntime's numbers are from ours.

    Args:
        largest: largest absolute difference over all outputs.
        differences: largest absolute difference by output.
        scale: largest absolute value that we computed.
        rows: random rows that were compared.
    """

    largest: float
    differences: Mapping[str, float]
    scale: float
    rows: int


def to_onnx(
    model: Bundle | Network,
    path: str | Path,
    weights: Weights | None = None,
    preprocessing: bool = True,
) -> Path:
    """Writes a model as one ONNX file; torch is not needed.

    Inputs and outputs have the names of the network's, the batch axis is free, and values
    behind layers have the layers' names. Dropout is left out; batch normalisation uses its
    running statistics.

    Args:
        model: a bundle, or a network with `weights`.
        path: of the file; written whole or not at all.
        weights: of a network; not with a bundle.
        preprocessing: whether a bundle's normalisation, (x - shift) * scale, and the inverse
            scaling of a regression's target, y / target_scale + target_shift, are part of the
            graph, so that it takes features as they stand in the table and gives predictions in
            the target's own units (rounded to float32). Without it the network alone is
            written, whose output is in scaled units.

    Returns:
        The path.

    Raises:
        ConversionError: layers that have no counterpart, all of them; weights that do not fit.
        MissingExtraError: onnx is not installed.
    """
    bundle = model if isinstance(model, Bundle) else None
    network = model.network if isinstance(model, Bundle) else model
    arrays = _arrays(model, weights)
    shift, scale = _normalisation(bundle) if bundle and preprocessing else (None, None)
    scaling = _target_scaling(bundle) if bundle and preprocessing else None
    graph = Graph()
    graph.reserve(*network.shapes)
    values = {given.name: given.name for given in network.inputs}
    if shift is not None and scale is not None:
        first = network.inputs[0]
        values[first.name] = _normalised(graph, first, shift, scale)
    mistakes = []
    for node in network.nodes:
        place = Place(graph, network, node, [values[source] for source in node.sources], arrays)
        exporter = EXPORTERS.get(node.layer.kind)
        try:
            if exporter is None:
                raise Refusal("there is no such operator")
            values[node.name] = exporter(place)
        except Refusal as problem:
            mistakes.append(f"{node.label}: {problem}")
            values[node.name] = node.name
    if mistakes:
        raise ConversionError(f"{network.name!r} cannot go to ONNX", mistakes, _WAY_OUT)
    if scaling is not None:
        _restored(graph, network.outputs[0], *scaling)
    made = _model(graph, network, _metadata(bundle))
    target = Path(path)
    write_atomically(target, made.SerializeToString(deterministic=True))
    return target


def check_onnx(
    path: str | Path,
    model: Bundle | Network,
    weights: Weights | None = None,
    rows: int = 16,
    seed: int = 0,
) -> OnnxCheck:
    """Runs an ONNX file and the model it was made of on the same random rows.

    Args:
        path: of the ONNX file.
        model: the bundle or network it was made of.
        weights: of a network.
        rows: number of random rows.
        seed: of the rows.

    Raises:
        ConversionError: the file does not run, or has other inputs or outputs.
        MissingExtraError: onnxruntime or torch is not installed.
    """
    network = model.network if isinstance(model, Bundle) else model
    arrays = _arrays(model, weights)
    generator = np.random.default_rng(seed)
    inputs = {i.name: _random_rows(network, i, rows, generator) for i in network.inputs}
    raw, inputs = _raw_and_prepared(path, model, inputs)
    ours, theirs = _ours(network, arrays, inputs), _theirs(path, network, raw)
    scaling = _target_scaling(model) if isinstance(model, Bundle) else None
    if scaling is not None and _casts(path, -1):
        output, (moved, factor) = network.outputs[0], scaling
        ours[output] = (ours[output] * factor + moved).astype(np.float32)
    differences = {name: _distance(theirs[name], ours[name]) for name in ours}
    finite = [values[np.isfinite(values)] for values in ours.values()]
    scale = max(float(np.max(np.abs(values), initial=0.0)) for values in finite)
    return OnnxCheck(max(differences.values()), differences, scale, rows)


def _arrays(model: Bundle | Network, weights: Weights | None) -> Weights:
    if isinstance(model, Bundle):
        return dict(model.weights)
    mistakes = weight_mistakes(model, weights or {})
    if mistakes:
        raise ConversionError(
            f"weights do not fit network {model.name!r}", mistakes, "give the network's weights"
        )
    return dict(weights or {})


def _normalisation(bundle: Bundle) -> tuple[NDArray[Any] | None, NDArray[Any] | None]:
    """Shift and scale of the preparation, in the input's shape; None for none."""
    told = _statistics(bundle)
    shape = bundle.network.inputs[0].shape
    pair = [told.get(key) for key in ("shift", "scale")]
    if not all(pair) or bundle.network.inputs[0].values != "float":
        return None, None
    try:
        shift, scale = (np.asarray(values, np.float64).reshape(shape) for values in pair)
    except ValueError:
        raise ConversionError(
            f"model {bundle.name!r} cannot go to ONNX",
            [f"its normalisation does not have the shape {shape} of its input"],
            "export with preprocessing=False",
        ) from None
    return shift, scale


def _statistics(bundle: Bundle) -> Mapping[str, Any]:
    told: Any = bundle.preparation
    arrays = told.get("arrays")
    return arrays if isinstance(arrays, Mapping) else dict(told)


def _target_scaling(bundle: Bundle) -> tuple[NDArray[Any], NDArray[Any]] | None:
    """Shift and factor that bring outputs into the target's units; None for none.

    The factor is 1 / target_scale, and 0 where the target is constant.
    """
    told = _statistics(bundle)
    shape = bundle.network.shapes[bundle.network.outputs[0]]
    pair = [told.get(key) for key in ("target_shift", "target_scale")]
    if not all(pair):
        return None
    try:
        shift, scale = (np.asarray(values, np.float64).reshape(shape) for values in pair)
        fits = bool(np.isfinite([shift, scale]).all())
    except (TypeError, ValueError):
        fits = False
    if not fits:
        raise ConversionError(
            f"model {bundle.name!r} cannot go to ONNX",
            [f"the scale of its target is not made of numbers of the shape {shape} of its output"],
            "export with preprocessing=False",
        )
    return shift, np.divide(1.0, scale, out=np.zeros_like(scale), where=scale != 0.0)


def _restored(graph: Graph, output: str, shift: Any, factor: Any) -> None:
    """The operators of y * factor + shift, in double precision, under the output's name."""
    double, single = (getattr(graph.onnx.TensorProto, kind) for kind in ("DOUBLE", "FLOAT"))
    wide = graph.add("Cast", [graph.rename(output, f"{output}_scaled")], to=double)
    grown = graph.add("Mul", [wide, graph.constant(factor, "target_factor")])
    moved = graph.add("Add", [grown, graph.constant(shift, "target_shift")])
    graph.add("Cast", [moved], output, to=single)


def _normalised(graph: Graph, given: Input, shift: Any, scale: Any) -> str:
    """The operators of (x - shift) * scale, in double precision as in training."""
    double, single = (getattr(graph.onnx.TensorProto, kind) for kind in ("DOUBLE", "FLOAT"))
    wide = graph.add("Cast", [given.name], to=double)
    moved = graph.add("Sub", [wide, graph.constant(shift, "shift")])
    scaled = graph.add("Mul", [moved, graph.constant(scale, "scale")])
    return graph.add("Cast", [scaled], to=single)


def _metadata(bundle: Bundle | None) -> dict[str, str]:
    if bundle is None:
        return {}
    told = {"name": bundle.name, "task": bundle.task, "labels": "\n".join(bundle.labels)}
    return {**told, "digest": bundle.digest, "target": str(bundle.preparation.get("target", ""))}


def _model(graph: Graph, network: Network, metadata: dict[str, str]) -> Any:
    onnx, helper = graph.onnx, graph.onnx.helper
    kinds = {"float": onnx.TensorProto.FLOAT, "int": onnx.TensorProto.INT64}
    inputs = [
        helper.make_tensor_value_info(i.name, kinds[i.values], ["rows", *i.shape])
        for i in network.inputs
    ]
    outputs = [
        helper.make_tensor_value_info(name, kinds["float"], ["rows", *network.shapes[name]])
        for name in network.outputs
    ]
    whole = helper.make_graph(graph.operators, network.name, inputs, outputs, graph.constants)
    made = helper.make_model(
        whole,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="lamina",
    )
    helper.set_model_props(made, {key: value for key, value in metadata.items() if value})
    try:
        onnx.checker.check_model(made, full_check=True)
    except Exception as error:
        first = str(error).strip().splitlines()[0]
        raise ConversionError(f"{network.name!r} cannot go to ONNX", [first], _WAY_OUT) from error
    return made


def _distance(one: NDArray[Any], other: NDArray[Any]) -> float:
    """Largest difference; equal infinities do not differ, and one NaN alone is infinitely far.

    onnxruntime's maximum over padding alone is the least float, ours minus infinity.
    """
    one = np.where(one == np.finfo(np.float32).min, np.float32(-np.inf), one)
    same = (one == other) | (np.isnan(one) & np.isnan(other))
    gaps = np.abs(np.subtract(one, other, where=~same, out=np.zeros_like(other)))
    return float(np.max(np.nan_to_num(gaps, nan=np.inf), initial=0.0))


def _random_rows(
    network: Network, given: Input, rows: int, generator: np.random.Generator
) -> NDArray[Any]:
    if given.values == "float":
        return generator.normal(size=(rows, *given.shape)).astype(np.float32)
    counts = [
        count
        for node in network.nodes
        if isinstance(count := getattr(node.layer, "num_embeddings", None), int)
    ]
    return generator.integers(0, min(counts, default=1), (rows, *given.shape), dtype=np.int64)


def _raw_and_prepared(
    path: str | Path, model: Bundle | Network, inputs: Arrays
) -> tuple[Arrays, Arrays]:
    """The rows before and after normalisation, where the file normalises them itself."""
    if not isinstance(model, Bundle) or not _casts(path, 0):
        return inputs, inputs
    shift, scale = _normalisation(model)
    if shift is None or scale is None:
        return inputs, inputs
    name = model.network.inputs[0].name
    safe = np.where(scale == 0, 1.0, scale)
    raw = (inputs[name] / safe + shift).astype(np.float32)
    prepared = ((raw - shift) * scale).astype(np.float32)
    return {**inputs, name: raw}, {**inputs, name: prepared}


def _casts(path: str | Path, place: int) -> bool:
    """Whether a file's first (0) or last (-1) operator changes the precision: preprocessing."""
    onnx = onnx_library()
    try:
        operators = onnx.load(str(path), load_external_data=False).graph.node
    except Exception:  # what is wrong with the file, onnxruntime says better
        return False
    return bool(operators) and operators[place].op_type == "Cast"


def _ours(network: Network, weights: Weights, inputs: Arrays) -> Arrays:
    try:
        import torch
    except ModuleNotFoundError as error:
        raise MissingExtraError("torch", "torch", "checking an ONNX file") from error
    from lamina.nets.convert.torch_out import to_torch

    module = to_torch(network, weights).eval()
    tensors = [torch.from_numpy(inputs[given.name]) for given in network.inputs]
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # advice on speed, which a check does not need
        made = module(*tensors, outputs=network.outputs)
    assert isinstance(made, dict)
    return {name: tensor.numpy() for name, tensor in made.items()}


def _theirs(path: str | Path, network: Network, inputs: Arrays) -> Arrays:
    try:
        import onnxruntime
    except ModuleNotFoundError as error:
        raise MissingExtraError("onnxruntime", "onnx", "checking an ONNX file") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
        made = session.run(list(network.outputs), inputs)
    except Exception as error:
        raise ConversionError(
            f"{path} does not run as network {network.name!r}",
            [str(error).strip().splitlines()[0]],
            "give the model that the file was made of",
        ) from None
    return dict(zip(network.outputs, made, strict=True))
