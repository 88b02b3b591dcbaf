"""A Keras configuration as a list of steps: Sequential and Functional, models inside models."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Reference = tuple[str, int, int]
"""A tensor in Keras's terms: layer, number of its call, number of its output."""

MODELS = ("Sequential", "Functional", "Model")

_DEEPEST = 20


@dataclass(frozen=True)
class Step:
    """One call of one layer.

    Args:
        name: of the layer, with the names of the models it is in.
        kind: Keras's class name.
        config: of the layer.
        place: of its weights in the HDF5 file.
        sources: names of the tensors that it reads.
        target: name of the tensor that it makes.
        call: which call of the layer this is, from 0.
    """

    name: str
    kind: str
    config: Mapping[str, Any]
    place: str
    sources: tuple[str, ...]
    target: str
    call: int = 0

    @property
    def label(self) -> str:
        """How messages call it: "Conv2D c1"."""
        return f"{self.kind} {self.name}"


class Reading:
    """Steps, inputs and outputs of a configuration; what is odd is collected in `mistakes`.

    Args:
        config: of the whole model.
        names: gives groups of the HDF5 file by the names of their layers, below a place.
    """

    def __init__(self, config: Mapping[str, Any], names: Any) -> None:
        self.steps: list[Step] = []
        self.inputs: list[Step] = []
        self.mistakes: list[str] = []
        self._names = names
        self._depth = 0
        self.outputs: list[str] = []
        kind = config.get("class_name")
        if kind not in MODELS:
            self.mistakes.append(
                f"the model is a {kind}: Sequential and Functional are read, not subclasses"
            )
            return
        self.outputs = self._model(config, "", "", None)

    def _model(
        self, model: Mapping[str, Any], prefix: str, place: str, given: list[str] | None
    ) -> list[str]:
        """Adds a model's steps; given: tensors that its inputs are, None for the outermost."""
        config = model.get("config")
        layers = config.get("layers") if isinstance(config, dict) else None
        self._depth += 1
        if self._depth > _DEEPEST or not _sound(layers):
            self.mistakes.append(f"model {prefix or 'itself'}: its layers cannot be read")
            return []
        assert isinstance(config, dict)
        assert isinstance(layers, list)
        places = self._places(layers, f"{place}/layers" if place else "layers")
        if model.get("class_name") == "Sequential":
            made = self._sequential(config, layers, places, prefix, given)
        else:
            made = self._functional(config, layers, places, prefix, given)
        self._depth -= 1
        return made

    def _places(self, layers: list[dict[str, Any]], place: str) -> list[str]:
        """Where each layer's weights are: by its noted name, or by counting kinds as Keras does."""
        noted, counts = self._names(place), Counter[str]()
        places = []
        for layer in layers:
            key = snake_case(str(layer["class_name"]))
            counted = f"{place}/{key}" + (f"_{counts[key]}" if counts[key] else "")
            counts[key] += 1
            places.append(noted.get(str(layer["config"].get("name")), counted))
        return places

    def _sequential(
        self,
        config: Mapping[str, Any],
        layers: list[dict[str, Any]],
        places: list[str],
        prefix: str,
        given: list[str] | None,
    ) -> list[str]:
        current = given
        if layers[0]["class_name"] != "InputLayer" and current is None:
            shape = config.get("build_input_shape")
            layers = [
                {"class_name": "InputLayer", "config": {"batch_shape": shape, "name": "x"}},
                *layers,
            ]
            places = ["", *places]
        for layer, place in zip(layers, places, strict=True):
            name = f"{prefix}{layer['config'].get('name', 'layer')}"
            if layer["class_name"] == "InputLayer":
                current = current or [self._input(name, layer)]
            else:
                current = self._call(name, layer, place, current or [], 0)
        return current or []

    def _functional(
        self,
        config: Mapping[str, Any],
        layers: list[dict[str, Any]],
        places: list[str],
        prefix: str,
        given: list[str] | None,
    ) -> list[str]:
        made: dict[Reference, str] = {}
        entries = list(references(config.get("input_layers")))
        if given is not None:
            made.update(zip(entries, given, strict=False))
        waiting: list[tuple[dict[str, Any], str, int, list[Reference]]] = []
        for layer, place in zip(layers, places, strict=True):
            name = str(layer["config"].get("name", layer.get("name")))
            if layer["class_name"] == "InputLayer" and (name, 0, 0) not in made:
                made[name, 0, 0] = self._input(f"{prefix}{name}", layer)
            for call, node in enumerate(layer.get("inbound_nodes") or []):
                waiting.append((layer, place, call, list(references(node))))
        while waiting:
            ready = [item for item in waiting if all(ref in made for ref in item[3])]
            if not ready:
                names = ", ".join(str(item[0]["config"].get("name")) for item in waiting[:5])
                self.mistakes.append(f"layers {names} read tensors that nothing makes")
                return []
            for layer, place, call, refs in ready:
                name = str(layer["config"].get("name", layer.get("name")))
                results = self._call(f"{prefix}{name}", layer, place, [made[r] for r in refs], call)
                made.update({(name, call, k): result for k, result in enumerate(results)})
            done = set(map(id, ready))
            waiting = [item for item in waiting if id(item) not in done]
        leaving = list(references(config.get("output_layers")))
        self.mistakes += [
            f"output {ref[0]} is made by nothing" for ref in leaving if ref not in made
        ]
        return [made[ref] for ref in leaving if ref in made]

    def _input(self, name: str, layer: Mapping[str, Any]) -> str:
        step = Step(name, "InputLayer", layer["config"], "", (), name)
        self.inputs.append(step)
        return name

    def _call(
        self, name: str, layer: Mapping[str, Any], place: str, sources: list[str], call: int
    ) -> list[str]:
        if layer["class_name"] in MODELS:
            if call:
                self.mistakes.append(f"model {name}: it is used twice with the same weights")
            return self._model(layer, f"{name}/", place, sources)
        target = f"{name}:{call}"
        kind, config = str(layer["class_name"]), layer["config"]
        self.steps.append(Step(name, kind, config, place, tuple(sources), target, call))
        return [target]


def references(value: Any) -> Iterator[Reference]:
    """All tensors named in a part of a configuration, in order."""
    if isinstance(value, Mapping):
        if value.get("class_name") == "__keras_tensor__":
            yield from references(value.get("config", {}).get("keras_history"))
        else:
            for item in value.values():
                yield from references(item)
    elif isinstance(value, list):
        if len(value) == 3 and isinstance(value[0], str) and all(_is_int(v) for v in value[1:]):
            yield (value[0], value[1], value[2])
        else:
            for item in value:
                yield from references(item)


def snake_case(name: str) -> str:
    """A class's name as Keras names its weights: LeakyReLU is leaky_re_lu, Conv2D conv2d."""
    return re.sub(r"(?<=.)(?=[A-Z][a-z])|(?<=[a-z])(?=[A-Z])", "_", name).lower()


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _sound(layers: Any) -> bool:
    return (
        isinstance(layers, list)
        and bool(layers)
        and all(
            isinstance(layer, dict)
            and isinstance(layer.get("class_name"), str)
            and isinstance(layer.get("config"), dict)
            for layer in layers
        )
    )
