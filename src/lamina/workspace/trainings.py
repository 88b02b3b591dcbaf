"""`train`: a specification made of a file and of options, trained, saved and drawn."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from lamina.errors import DocumentError, UsageError
from lamina.nets.document import read_network
from lamina.training.examples import Reading
from lamina.training.plans import Plan, sweep_sets
from lamina.training.progress import Event, progress_for
from lamina.training.resources import Resource
from lamina.training.result import TrainingResult, bundle
from lamina.training.settings import Settings
from lamina.training.specification import CheckpointPolicy, Specification, read_specification
from lamina.training.specified import train_specified
from lamina.workflow.reading import file_text, parse_text
from lamina.workspace.values import target_of


def listener() -> Callable[[Event], None] | None:
    """Shows progress: a live line on a terminal, plain lines elsewhere; on standard error."""
    return progress_for()


def train(
    network: str,
    options: Mapping[str, Any],
    listener: Callable[[Event], None] | None = None,
) -> TrainingResult:
    """Trains, saves the model and draws the pictures that are asked for.

    Args:
        network: a name of the zoo, a network document, or a training specification.
        options: by the names of the command's options; they win over the specification's.
        listener: of progress.

    Raises:
        LaminaError: as `lamina.training.trainer.train`.
    """
    told = specification(network, options)
    resume = bool(options.get("resume"))
    if resume and not told.checkpoint.folder:
        raise UsageError(
            "there is nothing to resume from", "name the folder of checkpoints: --checkpoint DIR"
        )
    if told.output:
        Path(told.output).parent.mkdir(parents=True, exist_ok=True)
    result = train_specified(told, progress=listener, resume=resume)
    if "pictures" in options:
        from lamina.training.pictures import draw_all

        draw_all(result, options["pictures"])
    return result


def specification(network: str, options: Mapping[str, Any]) -> Specification:
    """The specification of a file with the command's options laid over it."""
    base = _base(network)
    data = str(options.get("data", base.data))
    if not data:
        raise UsageError(
            "there is no data to train on",
            "name it with --data: a named set (see `lamina data list`) or a table file",
        )
    output = str(options.get("output", base.output))
    return replace(
        base,
        data=data,
        target=target_of(data, options.get("target", base.target)),
        reading=replace(base.reading, **_of(Reading, options)),
        plan=_plan(base.plan, options),
        settings=_settings(base.settings, options),
        resource=replace(base.resource, **_of(Resource, options)),
        checkpoint=_checkpoint(base.checkpoint, options),
        refit=base.refit or bool(output),
        output=output,
    )


def save(result: TrainingResult, path: str | Path, name: str = "") -> Path:
    """Writes the model of a result as a bundle."""
    return bundle(result, name).save(path)


def _base(network: str) -> Specification:
    path = Path(network)
    if path.is_file() and path.suffix != ".lamina":
        document = parse_text(file_text(path), network)
        if isinstance(document, Mapping):
            trains = str(document.get("lamina", "")).startswith("training/")
            if trains or "wIpt" in document:
                return read_specification(path)
            if str(document.get("lamina", "")).startswith("workflow/"):
                raise DocumentError(
                    network, ["is a workflow, not a network"], f"lamina run {network}"
                )
    found = read_network(network)
    return Specification(found, name=found.name, network_source=network)


def _plan(base: Plan, options: Mapping[str, Any]) -> Plan:
    plan = base
    if "plan" in options:
        plan = replace(Plan.parse(options["plan"]), sets=base.sets)
    if "sweep" in options:
        plan = replace(plan, sets=sweep_sets(dict(_grid_line(text) for text in options["sweep"])))
    return plan


def _grid_line(text: str) -> tuple[str, list[Any]]:
    name, equals, values = text.partition("=")
    if not equals or not values:
        raise UsageError(
            f"--sweep {text!r} cannot be read",
            "write --sweep NAME=VALUE,VALUE, say momentum=0.1,0.9",
        )
    aliases = {"lr": "learning_rate"}
    name = name.strip().replace("-", "_")
    return aliases.get(name, name), [_value(part.strip()) for part in values.split(",")]


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def _settings(base: Settings, options: Mapping[str, Any]) -> Settings:
    changes = _of(Settings, options)
    weights = changes.get("class_weights")
    if isinstance(weights, str) and weights != "balanced":
        try:
            changes["class_weights"] = tuple(float(part) for part in weights.split(","))
        except ValueError:
            raise UsageError(
                f"--class-weights {weights!r} cannot be read", "write 'balanced' or numbers: 1,3.5"
            ) from None
    return base.changed(**changes)


def _checkpoint(base: CheckpointPolicy, options: Mapping[str, Any]) -> CheckpointPolicy:
    changes = _of(CheckpointPolicy, options)
    if "checkpoint" in options:
        changes["folder"] = str(options["checkpoint"])
    return replace(base, **changes)


def _of(kind: Any, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that are fields of a dataclass."""
    return {f.name: options[f.name] for f in fields(kind) if f.name in options}
