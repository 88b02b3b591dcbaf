"""`train`: a specification made of a file and of options, trained, saved and drawn."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import fields, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lamina.data.sources import catalogue
from lamina.data.tables import read_table
from lamina.errors import DocumentError, MissingExtraError, UsageError
from lamina.training.examples import Reading
from lamina.training.plans import Plan, sweep_sets
from lamina.training.pretrained import FROM_ADDRESS
from lamina.training.progress import Diverged, Event, Progress, Warned, line, progress_for
from lamina.training.resources import Resource
from lamina.training.result import TrainingResult, bundle
from lamina.training.settings import Settings
from lamina.training.specification import CheckpointPolicy, Specification, read_specification
from lamina.training.specified import train_specified
from lamina.workflow.reading import file_text, parse_text
from lamina.workspace.outputs import file_to_write, folder_to_write, not_over
from lamina.workspace.values import network as network_of
from lamina.workspace.values import target_of

Say = Callable[[str], None]

OWN_FOLDER = ".checkpoints"
"""What a model's path ends in where its checkpoints lie, unless another folder is named."""


MODEL = ".lamina"
"""A model's suffix; training a model's network anew may replace the model."""


class Quiet(Progress):
    """Says warnings only. It also keeps the training in short steps, so that Ctrl-C is heard."""

    def __init__(self, say: Say) -> None:
        self._say = say

    def __call__(self, event: Event) -> None:
        """Says a warning."""
        if isinstance(event, (Warned, Diverged)):
            self._say(line(event))

    def close(self) -> None:
        """Nothing to end."""


def listener(quiet: bool, say: Say) -> Progress:
    """Shows progress: a live line on a terminal, plain lines elsewhere; on standard error."""
    return (None if quiet else progress_for()) or Quiet(say)


def train(
    network: str,
    options: Mapping[str, Any],
    listener: Callable[[Event], None] | None = None,
    say: Say | None = None,
) -> tuple[TrainingResult, str]:
    """Trains, saves the model and draws the pictures that are asked for.

    Args:
        network: a name of the zoo, a network document, or a training specification.
        options: by the names of the command's options; they win over the specification's.
        listener: of progress.
        say: takes a line about checkpoints and pictures.

    Returns:
        The result, and the path of the saved model ("" for none).

    Raises:
        LaminaError: as `lamina.training.trainer.train`.
    """
    say = say or _nothing
    told = specification(network, options)
    resume = bool(options.get("resume"))
    if told.output:
        file_to_write(told.output)
        read = [told.data] if told.data not in catalogue() else []
        not_over(told.output, *read, *([] if network.endswith(MODEL) else [network]))
    if "pictures" in options:
        _can_draw(options["pictures"])
    _tell_checkpoints(told, resume, say)
    result = train_specified(told, progress=listener, resume=resume)
    if told.output and told.checkpoint.folder == told.output + OWN_FOLDER:
        remove_checkpoints(told.checkpoint.folder)
    if "pictures" in options:
        from lamina.training.pictures import draw_all

        for path in draw_all(result, options["pictures"]):
            say(f"picture: {path}")
    return result, told.output


def _nothing(text: str) -> None:
    del text


def checkpoints(folder: str | Path) -> list[Path]:
    """The checkpoints in a folder, the parts of unfinished ones among them."""
    return sorted(Path(folder).glob("checkpoint-*.safetensors*"))


def remove_checkpoints(folder: str | Path) -> None:
    """Removes the checkpoints in a folder, and the folder when nothing else lies in it."""
    for path in checkpoints(folder):
        path.unlink(missing_ok=True)
    with suppress(OSError):
        Path(folder).rmdir()


def _tell_checkpoints(told: Specification, resume: bool, say: Say) -> None:
    folder = told.checkpoint.folder
    own = told.output + OWN_FOLDER
    if folder and resume and not checkpoints(folder):
        say(f"no checkpoints in {folder}: the training starts anew and writes them there")
    elif not folder and told.output and checkpoints(own):
        say(f"{own} holds checkpoints of an unfinished training: --resume goes on from them")


def _can_draw(folder: str | Path) -> None:
    """Refuses pictures before the training, not after it."""
    if find_spec("matplotlib") is None:
        raise MissingExtraError("matplotlib", "pictures", "drawing")
    folder_to_write(folder)


def specification(network: str, options: Mapping[str, Any]) -> Specification:
    """The specification of a file with the command's options laid over it."""
    base = _base(network)
    data = str(options["data"]) if "data" in options else _beside(base.data, network)
    if not data:
        raise UsageError(
            "there is no data to train on",
            "name it with --data: a named set (see `lamina data list`) or a table file",
        )
    output = str(options.get("output", base.output))
    plan, settings = _plan(base.plan, options), _settings(base.settings, options)
    plan.settings_of(settings)
    target = options.get("target", base.target) or _papers_target(base, data)
    return replace(
        base,
        data=data,
        target=target_of(data, target),
        reading=replace(base.reading, **_of(Reading, options)),
        plan=plan,
        settings=settings,
        resource=replace(base.resource, **_of(Resource, options)),
        checkpoint=_checkpoint(base.checkpoint, options, output),
        refit=base.refit or bool(output),
        weights=_weights(base, network, options),
        output=output,
    )


def _weights(base: Specification, network: str, options: Mapping[str, Any]) -> str:
    """The command's weights, or those of a specification: a file beside it or here."""
    told = str(options.get("weights", ""))
    if told or base.weights in ("", FROM_ADDRESS):
        return told or base.weights
    beside = Path(network).parent / base.weights
    return str(beside) if beside.is_file() else base.weights


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
    found = network_of(network)
    return Specification(found, name=found.name, network_source=network)


def _beside(data: str, network: str) -> str:
    """A specification's data: a named set, or a file beside the specification or here."""
    beside = Path(network).parent / data
    return str(beside) if data and data not in catalogue() and beside.is_file() else data


def _papers_target(base: Specification, data: str) -> str:
    """The papers' trainer files name no target: it is the last column of the table."""
    if base.name != "dataview" or data in catalogue() or not Path(data).is_file():
        return ""
    return read_table(data).names[-1]


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
    if "rates" in changes:
        changes["rates"] = {**dict(base.rates), **dict(_rate(text) for text in changes["rates"])}
    weights = changes.get("class_weights")
    if isinstance(weights, str) and weights != "balanced":
        try:
            changes["class_weights"] = tuple(float(part) for part in weights.split(","))
        except ValueError:
            raise UsageError(
                f"--class-weights {weights!r} cannot be read", "write 'balanced' or numbers: 1,3.5"
            ) from None
    return base.changed(**changes)


def _rate(text: str) -> tuple[str, float]:
    part, _, rate = text.rpartition("=")
    with suppress(ValueError):
        if part.strip():
            return part.strip(), float(rate)
    raise UsageError(f"--rate {text!r} cannot be read", "write --rate PART=RATE, say head=0.001")


def _checkpoint(
    base: CheckpointPolicy, options: Mapping[str, Any], output: str
) -> CheckpointPolicy:
    """Checkpoints where and as often as asked for; beside the model when no folder is named."""
    changes = _of(CheckpointPolicy, options)
    if "checkpoint" in options:
        changes["folder"] = str(options["checkpoint"])
    policy = replace(base, **changes)
    wanted = options.get("resume") or policy.every_epochs or policy.every_seconds
    if not wanted or policy.folder:
        return policy
    if not output:
        raise UsageError(
            "there is no place for checkpoints",
            f"name the model with -o MODEL (they lie in MODEL{OWN_FOLDER}), "
            "or their folder with --checkpoint DIR",
        )
    return replace(policy, folder=output + OWN_FOLDER)


def _of(kind: Any, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that are fields of a dataclass."""
    return {f.name: options[f.name] for f in fields(kind) if f.name in options}
