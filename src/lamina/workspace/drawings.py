"""`graph` and `lint`: whatever a document is, drawn and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lamina.errors import LaminaError, ManyMistakesError, UsageError
from lamina.nets.drawing import draw_network
from lamina.nets.network import Network
from lamina.nets.told import is_dataview_model
from lamina.workflow.document import read_workflow
from lamina.workflow.draw.layered import to_mermaid, to_svg, to_text
from lamina.workflow.draw.workflows import draw_workflow
from lamina.workflow.lint import lint as lint_workflow
from lamina.workflow.reading import file_text, parse_text
from lamina.workspace.outputs import file_to_write
from lamina.workspace.values import model, network

FORMS = {"text": to_text, "mermaid": to_mermaid, "svg": to_svg}


@dataclass(frozen=True)
class Finding:
    """One finding of `lint`: a file, a line (0: unknown), "error" or "warning", and words."""

    file: str
    line: int
    severity: str
    message: str

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    def text(self) -> str:
        """file:line: severity: message."""
        line = f":{self.line}" if self.line else ""
        return f"{self.file}{line}: {self.severity}: {self.message}"


def graph(file: str, form: str) -> str:
    """A workflow, network or model as text, Mermaid or SVG; "neurons" for small dense networks."""
    if form == "neurons":
        return _neurons(file)
    if _kind(file) == "workflow":
        return FORMS[form](draw_workflow(read_workflow(file)))
    return draw_network(_network(file), form)


def write(path: Path, drawing: str) -> None:
    """Writes a drawing; folders are made."""
    file_to_write(path).write_text(
        drawing if drawing.endswith("\n") else drawing + "\n", encoding="utf-8"
    )


def lint(file: Path) -> list[Finding]:
    """All mistakes of a workflow, network, training or model file; an empty list when it holds."""
    name = str(file)
    try:
        kind = _kind(name)
        if kind == "workflow":
            return [Finding(name, f.line, f.severity, f.message) for f in lint_workflow(file)]
        if kind == "training":
            from lamina.training.specification import read_specification

            read_specification(file)
        else:
            _network(name)
    except ManyMistakesError as error:
        return [Finding(name, 0, "error", mistake) for mistake in error.mistakes]
    except LaminaError as error:
        return [Finding(name, 0, "error", f"{error.message}; {error.way_out}")]
    return []


def _kind(file: str) -> str:
    """What a file is: "workflow", "training", "model", or "network" (also for zoo names)."""
    path = Path(file)
    if path.suffix == ".lamina" or is_dataview_model(path):
        return "model"
    if not path.is_file():
        return "workflow" if path.suffix in (".yaml", ".yml", ".json") else "network"
    document = parse_text(file_text(path), file)
    if not isinstance(document, Mapping):
        return "workflow"
    said = str(document.get("lamina", ""))
    if said.startswith("training/") or "wIpt" in document:
        return "training"
    return "network" if said.startswith("network/") or "LayerArc" in document else "workflow"


def _network(file: str) -> Network:
    kind = _kind(file)
    if kind == "model":
        return model(file).network
    if kind == "training":
        from lamina.training.specification import read_specification

        return read_specification(file).network
    return network(file)


def _neurons(file: str) -> str:
    from lamina.nets.neurons import neurons_svg

    kind = _kind(file)
    if kind == "workflow":
        raise UsageError(f"{file} is a workflow: it has no neurons", "choose --format svg")
    if kind != "model":
        return neurons_svg(_network(file))
    trained = model(file)
    features = _feature_names(trained.preparation.get("features"))
    named = features if (len(features),) == trained.network.inputs[0].shape else []
    return neurons_svg(trained.network, trained.weights, named)


def _feature_names(features: object) -> list[str]:
    """Names of a preparation's features; nothing for a model of another origin."""
    told = features if isinstance(features, list) else []
    return [str(one["name"]) for one in told if isinstance(one, dict) and "name" in one]
