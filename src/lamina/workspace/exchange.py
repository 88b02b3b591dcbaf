"""Models to and from other systems: ONNX, Keras, the papers' model@ files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from lamina.errors import UsageError
from lamina.nets.bundle import Bundle
from lamina.nets.convert.dataview import model_text
from lamina.nets.told import is_dataview_model
from lamina.workspace.models import numbered
from lamina.workspace.outputs import file_to_write, not_over
from lamina.workspace.values import model

EXPORTS = (".onnx", ".json")


def export(path: str | Path, output: str | Path, check: bool = True) -> str:
    """Writes a model as an ONNX file (.onnx) or as a model@ file of the papers (.json).

    Returns:
        What was written, and how near onnxruntime's numbers are to ours, in one line.

    Raises:
        UsageError: another suffix.
        ConversionError: layers that the format does not have, all of them.
        MissingExtraError: onnx is not installed.
    """
    target, trained = Path(output), model(path)
    if target.suffix not in EXPORTS:
        raise UsageError(
            f"no model format has the suffix {target.suffix!r}",
            f"end the output in one of: {', '.join(EXPORTS)}",
        )
    file_to_write(target)
    not_over(target, path)
    if target.suffix == ".json":
        target.write_text(model_text(trained), encoding="utf-8")
        return f"{target}  model@ file of the papers; it holds no preparation"
    from lamina.nets.convert.onnx_out import check_onnx, to_onnx

    to_onnx(trained, target)
    size = f"{target}  {target.stat().st_size} bytes"
    if not check or find_spec("onnxruntime") is None:
        return f"{size}, not checked"
    found = check_onnx(target, trained)
    return f"{size}, checked on {found.rows} rows: within {found.largest:.1e} of ours"


def from_file(path: str | Path, output: str | Path, labels: Sequence[str] = ()) -> Bundle:
    """A model of another system as a bundle: a .keras file, or a model@ file of the papers.

    Args:
        path: of that model.
        output: of the bundle.
        labels: names of the classes, in the order of its outputs.

    Raises:
        UsageError: neither of both.
        ConversionError, DocumentError: the file cannot become a model; says all reasons.
    """
    file_to_write(output)
    not_over(output, path)
    if Path(path).suffix == ".keras":
        made = _from_keras(Path(path))
    elif is_dataview_model(path):
        made = model(path)
    else:
        raise UsageError(
            f"{str(path)!r} cannot be imported",
            "give a .keras file of Keras 3 or a model@ file of DATAVIEW; for torch modules use "
            "lamina.nets.convert.torch_in.from_torch in Python",
        )
    made = replace(made, labels=tuple(labels)) if labels else numbered(made)
    made.save(output)
    return made


def _from_keras(path: Path) -> Bundle:
    from lamina.nets.convert.keras_in import from_keras

    network, weights = from_keras(path)
    last = network[network.outputs[0]].layer.kind if network.outputs[0] in network.shapes else ""
    shape = network.shapes[network.outputs[0]]
    task = {"Softmax": "classes", "Sigmoid": "binary" if shape == (1,) else "classes"}
    return Bundle(
        network,
        weights,
        task=task.get(last, "regression"),
        settings={"source": f"Keras file {path.name}"},
        name=path.stem,
    )
