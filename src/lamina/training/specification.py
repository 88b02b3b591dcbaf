"""Training specifications: "lamina: training/1", everything that one training is told."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from lamina.errors import DocumentError, LaminaError, ManyMistakesError, SettingsError
from lamina.nets.convert.dataview import TrainerSpecification, is_trainer, parse_trainer
from lamina.nets.document import network_from_document, network_to_document, read_network
from lamina.nets.network import Network
from lamina.training.examples import Reading
from lamina.training.parts import part_mistakes
from lamina.training.plans import Plan, sweep_sets
from lamina.training.resources import Resource
from lamina.training.settings import Settings
from lamina.training.specification_schema import schema_mistakes
from lamina.workflow.reading import file_text, parse_text, yaml_text

VERSION = "training/1"

_WAY_OUT = "mend the document; docs/formats.md shows its form"


@dataclass(frozen=True)
class TapChoice:
    """A layer whose output is handed to a function while the network trains.

    Args:
        layer: name of a layer of the network.
        function: an ordinary Python function, as "file.py:function" beside the document, or as
            "module:function".
        every: epochs between two calls.
        part: rows to look at: "train", "validation" or "test".
        limit: at most so many of them.
        folder: what a relative file begins in; the working folder when None.
    """

    layer: str
    function: str
    every: int = 100
    part: str = "test"
    limit: int = 256
    folder: Path | None = field(default=None, compare=False)

    @property
    def named(self) -> bool:
        """Whether the function is written as it should be."""
        where, colon, name = self.function.partition(":")
        module = where.endswith(".py") or all(map(str.isidentifier, where.split(".")))
        return bool(colon) and module and all(map(str.isidentifier, name.split(".")))


@dataclass(frozen=True)
class CheckpointPolicy:
    """Where and how often the whole state of the training is written.

    Args:
        folder: of the checkpoints; empty for none.
        every_epochs: epochs between two checkpoints; 0 not to count epochs.
        every_seconds: seconds between two; 0 not to count seconds (30 when both are 0).
    """

    folder: str = ""
    every_epochs: int = 0
    every_seconds: float = 0.0


@dataclass(frozen=True)
class Specification:
    """What is trained on which data, how often, how, and where; valid once it exists.

    Args:
        network: one input, one output.
        data: a name of the catalogue, or the path of a table.
        target: name of the target column; empty for the one a named set has.
        reading: kind of target, normalisation, encoding, feature columns.
        plan: split, sweep, restarts, ensemble.
        settings: of every training; a sweep changes some.
        resource: engine, device, threads.
        taps: layers that feed functions.
        checkpoint: where and how often the state is written.
        refit: whether cross validation ends with one more training on all rows.
        weights: what the training begins with: path of a file in torch's state-dict layout, or
            "published"; empty for drawn weights.
        output: path of the model that is written; empty for none.
        name: for messages and lists.
        network_source: zoo name, sizes or path that the document gives in place of a network;
            empty when the network stands in it.

    Raises:
        SettingsError: a sweep or a tap that does not fit; all mistakes at once.
    """

    network: Network
    data: str = ""
    target: str = ""
    reading: Reading = field(default_factory=Reading)
    plan: Plan = field(default_factory=Plan)
    settings: Settings = field(default_factory=Settings)
    resource: Resource = field(default_factory=Resource)
    taps: tuple[TapChoice, ...] = ()
    checkpoint: CheckpointPolicy = field(default_factory=CheckpointPolicy)
    refit: bool = False
    weights: str = ""
    output: str = ""
    name: str = "training"
    network_source: str = ""

    def __post_init__(self) -> None:
        mistakes = [
            f"tap on {tap.layer!r}: there is no such layer; "
            f"there are: {', '.join(node.name for node in self.network.nodes)}"
            for tap in self.taps
            if tap.layer not in self.network.shapes
        ]
        mistakes += [
            f"tap on {tap.layer!r}: function is {tap.function!r}; it is written file.py:function "
            "or module:function"
            for tap in self.taps
            if not tap.named
        ]
        try:
            sets = self.plan.settings_of(self.settings)
            wrong = [mistake for one in sets for mistake in part_mistakes(self.network, one)]
            mistakes += dict.fromkeys(wrong)
        except SettingsError as error:
            mistakes += error.mistakes
        if mistakes:
            raise SettingsError(f"specification {self.name!r} does not hold", mistakes, _WAY_OUT)

    def options(self) -> dict[str, Any]:
        """What `lamina.training.trainer.train` takes by name, taps apart."""
        reading, resource = self.reading, self.resource
        options = {f.name: getattr(reading, f.name) for f in fields(Reading)}
        options |= {key: getattr(resource, key) for key in ("engine", "device", "threads")}
        options["refit"], options["weights"] = self.refit, self.weights
        if self.checkpoint.folder:
            options["checkpoint"] = self.checkpoint.folder
            options["every_epochs"] = self.checkpoint.every_epochs
            options["every_seconds"] = self.checkpoint.every_seconds
        return options

    def to_document(self) -> dict[str, Any]:
        """The specification as plain values; what equals its default is left out.

        Settings are written in full, so that a later default does not change a training.
        """
        document: dict[str, Any] = {"lamina": VERSION, "name": self.name}
        document["network"] = self.network_source or network_to_document(self.network)
        data = {"source": self.data, "target": self.target}
        data |= _changed(self.reading, Reading())
        document["data"] = {key: value for key, value in data.items() if value != ""}
        document["plan"] = _plan_document(self.plan)
        if self.plan.sets != ((),):
            document["sweep"] = _sweep_document(self.plan)
        document["settings"] = self.settings.to_document()
        document |= {k: v for k, v in _changed(self.resource, Resource()).items() if k != "reason"}
        if self.taps:
            document["taps"] = [
                {"layer": tap.layer, "function": tap.function}
                | _changed(tap, TapChoice(tap.layer, tap.function, folder=tap.folder))
                for tap in self.taps
            ]
        if self.checkpoint.folder:
            document["checkpoint"] = _changed(self.checkpoint, CheckpointPolicy())
        document |= {"refit": True} if self.refit else {}
        document |= {"weights": self.weights} if self.weights else {}
        document |= {"output": self.output} if self.output else {}
        return document

    def to_text(self, form: str = "yaml") -> str:
        """The document as text; form "yaml" or "json"."""
        document = self.to_document()
        if form == "json":
            return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
        return yaml_text(document, flow_below=4)

    @classmethod
    def from_document(
        cls, document: Any, origin: str = "training specification", folder: str | Path = ""
    ) -> Specification:
        """The specification that a document describes.

        Args:
            document: plain values, as `to_document` gives or a person writes them.
            origin: how messages call the document.
            folder: where relative paths of network files begin; the working folder if empty.

        Raises:
            DocumentError: all mistakes at once, each with its place.
        """
        mistakes = schema_mistakes(document)
        if mistakes and not isinstance(document, Mapping):
            raise DocumentError(origin, mistakes, _WAY_OUT)
        values = _Reader(document, mistakes, Path(folder)).values()
        if not mistakes:
            try:
                return cls(**values)
            except ManyMistakesError as error:
                mistakes.extend(error.mistakes)
        raise DocumentError(origin, mistakes, _WAY_OUT)

    @classmethod
    def from_dataview(cls, told: TrainerSpecification) -> Specification:
        """A specification from DATAVIEW's: what that does not say has the papers' values.

        The papers train with SGD from Xavier's weights and biases of zero, and the last of the
        parts that the rows are cut into tests; here that is a holdout of the same share.
        """
        parts = max(2, told.batches)
        return cls(
            network=told.network,
            data=told.data,
            plan=Plan(split="holdout", test=1 / parts),
            settings=Settings(epochs=told.epochs, batches=parts - 1, start="plain"),
            output=told.output,
            name="dataview",
        )


def parse_specification(
    text: str, origin: str = "training specification", folder: str | Path = ""
) -> Specification:
    """The specification in YAML or JSON text, or in that of DATAVIEW's trainer specification.

    Raises:
        DocumentError: all mistakes at once.
    """
    document = parse_text(text, origin)
    if is_trainer(document):
        return Specification.from_dataview(parse_trainer(text, origin))
    return Specification.from_document(document, origin, folder)


def read_specification(path: str | Path) -> Specification:
    """The specification in a file; paths of networks in it begin at its folder.

    Raises:
        DocumentError: the file cannot be read, or all mistakes in it at once.
    """
    return parse_specification(file_text(path), str(path), Path(path).parent)


def write_specification(specification: Specification, path: str | Path) -> Path:
    """Writes a specification: JSON when the path ends in .json, else YAML.

    Raises:
        DocumentError: the file cannot be written.
    """
    target = Path(path)
    try:
        target.write_text(
            specification.to_text("json" if target.suffix == ".json" else "yaml"), encoding="utf-8"
        )
    except OSError as error:
        raise DocumentError(
            str(path), [f"cannot be written: {error.strerror}"], "give another path"
        ) from None
    return target


class _Reader:
    """Reads a document's parts; adds to `mistakes` what its schema cannot see."""

    def __init__(self, document: Mapping[str, Any], mistakes: list[str], folder: Path) -> None:
        self.document = document
        self.mistakes = mistakes
        self.folder = folder
        # A part whose form is wrong is not read on: each mistake is said once.
        self.odd = {mistake.partition(":")[0].partition("[")[0] for mistake in mistakes}
        self.wrong = {
            mistake.partition(":")[0].partition(".")[0].partition("[")[0] for mistake in mistakes
        }

    def values(self) -> dict[str, Any]:
        """Arguments of Specification, as far as the parts are sound."""
        given = {key: item for key, item in self.document.items() if key not in self.wrong}
        found: dict[str, Any] = {
            key: given[key] for key in ("name", "refit", "weights", "output") if key in given
        }
        found |= self._part("network", self._network)
        found |= self._part("data", self._data)
        found |= self._caught("settings", self._settings)
        found |= self._caught("plan", self._plan)
        resource = {k: given[k] for k in ("engine", "device", "threads") if k in given}
        found |= self._caught("resource", lambda: {"resource": Resource(**resource)})
        found |= self._part("taps", self._taps)
        found |= self._part("checkpoint", lambda told: {"checkpoint": CheckpointPolicy(**told)})
        return found

    def _part(self, key: str, read: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        if key not in self.document or key in self.wrong:
            return {}
        return self._caught(key, lambda: read(self.document[key]))

    def _caught(self, key: str, read: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        try:
            return read()
        except ManyMistakesError as error:
            self.mistakes.extend(f"{key}: {mistake}" for mistake in error.mistakes)
        except LaminaError as error:
            self.mistakes.append(f"{key}: {error.message}; {error.way_out}")
        return {}

    def _network(self, told: Any) -> dict[str, Any]:
        if not isinstance(told, str):
            return {"network": network_from_document(told)}
        beside = self.folder / told
        try:
            network = read_network(beside if beside.is_file() else told)
        except DocumentError as error:
            hint = f"; {error.way_out}" if len(error.mistakes) == 1 else ""
            self.mistakes.extend(f"network {told!r} {m}{hint}" for m in error.mistakes)
            return {}
        return {"network": network, "network_source": told}

    def _taps(self, told: Any) -> dict[str, Any]:
        return {"taps": tuple(TapChoice(**tap, folder=self.folder.absolute()) for tap in told)}

    def _settings(self) -> dict[str, Any]:
        """Settings whose form is right; those that are not have been said already."""
        told = self.document.get("settings", {})
        known = {f.name for f in fields(Settings)}
        if not isinstance(told, Mapping):
            return {}
        sound = {k: v for k, v in told.items() if k in known and f"settings.{k}" not in self.odd}
        return {"settings": Settings.from_document(sound)}

    def _data(self, told: Any) -> dict[str, Any]:
        if isinstance(told, str):
            return {"data": told}
        reading = {f.name: told[f.name] for f in fields(Reading) if f.name in told}
        if "features" in reading:
            reading["features"] = tuple(reading["features"])
        return {
            "data": told.get("source", ""),
            "target": told.get("target", ""),
            "reading": Reading(**reading),
        }

    def _plan(self) -> dict[str, Any]:
        told = self.document.get("plan", "holdout")
        if {"plan", "sweep"} & self.wrong:
            return {}
        sets = tuple(
            tuple((name, tuple(value) if isinstance(value, list) else value) for name, value in one)
            for one in sweep_sets(self.document.get("sweep"))
        )
        plan = Plan.parse(told) if isinstance(told, str) else Plan(**told)
        return {"plan": replace(plan, sets=sets)}


def _changed(value: Any, default: Any) -> dict[str, Any]:
    """Fields that differ from the default's, as plain values."""
    found = {f.name: getattr(value, f.name) for f in fields(value)}
    return {
        key: list(item) if isinstance(item, tuple) else item
        for key, item in found.items()
        if item != getattr(default, key)
    }


def _plan_document(plan: Plan) -> Any:
    """The plan's text, or an object where the text would round its numbers."""
    bare = replace(plan, sets=((),))
    text = str(bare)
    try:
        exact = Plan.parse(text) == bare
    except SettingsError:
        exact = False
    return text if exact else {"split": plan.split, **_changed(bare, Plan())}


def _sweep_document(plan: Plan) -> Any:
    """The sweep as a grid when it is one, else as a list of sets."""
    grid: dict[str, list[Any]] = {}
    for chosen in plan.sets:
        for name, value in chosen:
            values = grid.setdefault(name, [])
            values.extend([_listed(value)] if _listed(value) not in values else [])
    made = sweep_sets(grid) if grid else ()
    return (
        grid
        if made == plan.sets
        else [{name: _listed(value) for name, value in chosen} for chosen in plan.sets]
    )


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
