"""Network documents: "lamina: network/1" as plain values, YAML and JSON, read and written."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lamina.errors import DocumentError, UnknownNameError
from lamina.nets.layers import LAYERS, Layer
from lamina.nets.layers.settings import setting_mistakes
from lamina.nets.network import Network
from lamina.nets.parts import VALUES, Input, Node
from lamina.workflow.reading import file_text, parse_text, yaml_text

VERSION = "network/1"

_KEYS = ("lamina", "name", "inputs", "layers", "outputs")
_WAY_OUT = "mend the document; docs/networks.md shows its form"


def network_to_document(network: Network) -> dict[str, Any]:
    """A network as plain values that JSON and YAML can hold.

    A layer says only the settings that differ from their defaults, and `from` only when it
    does not read the layer before it (the first: the only input).
    """
    layers: list[dict[str, Any]] = []
    previous = network.inputs[0].name if len(network.inputs) == 1 else None
    for node in network.nodes:
        entry: dict[str, Any] = {"layer": node.layer.kind}
        if node.sources != (previous,):
            entry["from"] = list(node.sources)
        entry.update((key, _plain(value)) for key, value in node.layer.settings().items())
        layers.append({node.name: entry})
        previous = node.name
    return {
        "lamina": VERSION,
        "name": network.name,
        "inputs": {given.name: _input_entry(given) for given in network.inputs},
        "layers": layers,
        "outputs": list(network.outputs),
    }


def network_from_document(document: Any, origin: str = "network document") -> Network:
    """The network that a document describes.

    Args:
        document: what `network_to_document` gives, or a person writes: `from` may be one
            name or a list; a layer without settings may be just its kind ("r1: ReLU");
            `name` and `outputs` (the last layer) may be left out.
        origin: how messages call the document.

    Raises:
        DocumentError: all that is wrong with the document, by layer.
        NetworkError: the document is sound, and its layers do not fit together.
    """
    reading = _Reading(document)
    if reading.mistakes:
        raise DocumentError(origin, reading.mistakes, _WAY_OUT)
    return Network(reading.inputs, reading.nodes, reading.outputs, reading.name)


def network_text(network: Network, form: str = "yaml") -> str:
    """A network document as text, one line per layer; form "yaml" or "json"."""
    document = network_to_document(network)
    if form == "yaml":
        head = {key: document[key] for key in ("lamina", "name", "inputs")}
        lines = [f"  - {yaml_text(layer, flow_below=1)}" for layer in document["layers"]]
        tail = yaml_text({"outputs": document["outputs"]}, flow_below=1)
        return "".join([yaml_text(head, flow_below=2), "layers:\n", *lines, tail])
    if form != "json":
        raise UnknownNameError("form of a document", form, ("json", "yaml"))
    # The layers stand on a line each: what json.dumps cannot do.
    layers = ",\n".join(f"    {_json(layer)}" for layer in document["layers"])
    parts = {key: _json(value) for key, value in document.items()}
    parts["layers"] = f"[\n{layers}\n  ]"
    return "{\n" + ",\n".join(f"  {_json(key)}: {text}" for key, text in parts.items()) + "\n}\n"


def write_network(network: Network, path: str | Path) -> None:
    """Writes a network document: JSON when the path ends in .json, else YAML.

    Raises:
        DocumentError: the file cannot be written.
    """
    form = "json" if Path(path).suffix == ".json" else "yaml"
    try:
        Path(path).write_text(network_text(network, form), encoding="utf-8")
    except OSError as error:
        raise DocumentError(
            str(path), [f"cannot be written: {error.strerror or error}"], "give another path"
        ) from None


def read_network(source: str | Path) -> Network:
    """A network by the name in the zoo, by its sizes, or from a file.

    Args:
        source: a name of the zoo ("papers-2"), with arguments where its function has some
            ("resnet-18:classes=4,head=two-layer"); sizes of a dense network as the papers write
            them ("8-5-3-1"); or the path of a network document (YAML, JSON), of a DATAVIEW
            trainer specification or model@ file, or of a model (.lamina).

    Raises:
        DocumentError: no such name or file, or what is wrong with the document.
        NetworkError: the layers do not fit together.
        BundleError: a damaged model.
    """
    from lamina.nets.zoo import ZOO, from_sizes
    from lamina.nets.zoo_names import from_zoo

    name = str(source)
    if (known := from_zoo(name)) is not None:
        return known
    if (dense := from_sizes(name)) is not None:
        return dense
    path = Path(source)
    if not path.exists():
        unknown = UnknownNameError("network", name, ZOO.names())
        raise DocumentError(
            name, ["is no network of the zoo, and there is no such file"], unknown.way_out
        )
    if path.suffix == ".lamina":
        from lamina.nets.bundle import Bundle

        return Bundle.load(path).network
    return parse_network(file_text(path), name)


def parse_network(text: str, origin: str = "network document") -> Network:
    """The network in the text of a network document or of one of DATAVIEW's documents.

    Raises:
        DocumentError: what is wrong with the document.
        NetworkError: the layers do not fit together.
    """
    document = parse_text(text, origin)
    if isinstance(document, Mapping) and "LayerArc" in document:
        from lamina.nets.convert.dataview import is_trainer, parse_model, parse_trainer

        if is_trainer(document):
            return parse_trainer(text, origin).network
        return parse_model(text, origin).network
    return network_from_document(document, origin)


class _Reading:
    """One pass over a document: its parts as far as they are sound, and all mistakes."""

    def __init__(self, document: Any) -> None:
        self.mistakes: list[str] = []
        self.name = "network"
        self.inputs: tuple[Input, ...] = ()
        self.nodes: tuple[Node, ...] = ()
        self.outputs: tuple[str, ...] = ()
        if not isinstance(document, Mapping):
            self.mistakes.append(
                f"is {_kind(document)}; a document is a mapping with {_quoted(_KEYS)}"
            )
        elif self._is_ours(document):
            self._read(document)

    def _is_ours(self, document: Mapping[str, Any]) -> bool:
        version = document.get("lamina")
        if version != VERSION:
            stated = f"says lamina: {version}" if "lamina" in document else "lacks its first line"
            self.mistakes.append(f"{stated}; a network document says 'lamina: {VERSION}'")
        return version == VERSION

    def _read(self, document: Mapping[str, Any]) -> None:
        for key in document:
            if key not in _KEYS:
                self.mistakes.append(f"unknown key {key!r}; known: {_quoted(_KEYS)}")
        self.name = self._text(document.get("name", "network"), "name")
        self.inputs = self._inputs(document.get("inputs"))
        self.nodes = self._layers(document.get("layers"))
        last = [self.nodes[-1].name] if self.nodes else []
        self.outputs = self._names(document.get("outputs", last), "outputs")

    def _inputs(self, given: Any) -> tuple[Input, ...]:
        if not isinstance(given, Mapping) or not given:
            self.mistakes.append(f"inputs: is {_kind(given)}; give a mapping such as {{x: 8}}")
            return ()
        return tuple(
            self._input(self._text(name, "an input's name"), given[name]) for name in given
        )

    def _input(self, name: str, entry: Any) -> Input:
        place = f"input {name}"
        shape, values = entry, "float"
        if isinstance(entry, Mapping):
            shape, values = entry.get("shape"), entry.get("values", "float")
            for key in entry:
                if key not in ("shape", "values"):
                    self.mistakes.append(f"{place}: unknown key {key!r}; known: shape, values")
        if values not in VALUES:
            self.mistakes.append(f"{place}: values is {values!r}; known: {', '.join(VALUES)}")
        axes = [shape] if _is_int(shape) else shape
        if not isinstance(axes, Sequence) or not all(_is_int(axis) and axis > 0 for axis in axes):
            self.mistakes.append(
                f"{place}: shape is {shape!r}; it is a whole number from 1 on or a list of them"
            )
            return Input(name, ())
        return Input(name, tuple(axes), values if values in VALUES else "float")

    def _layers(self, given: Any) -> tuple[Node, ...]:
        if not isinstance(given, Sequence) or isinstance(given, str) or not given:
            self.mistakes.append(
                f"layers: is {_kind(given)}; give a list such as"
                " [{l1: {layer: Linear, out_features: 1}}]"
            )
            return ()
        previous = self.inputs[0].name if len(self.inputs) == 1 else None
        nodes: list[Node] = []
        for position, item in enumerate(given, start=1):
            if not isinstance(item, Mapping) or len(item) != 1:
                self.mistakes.append(
                    f"layers, item {position}: is {_kind(item)}; it is one name with its layer,"
                    " such as {r1: ReLU}"
                )
                previous = None
                continue
            ((name, entry),) = item.items()
            name = self._text(name, f"layers, item {position}: the name")
            node = self._node(name, {"layer": entry} if isinstance(entry, str) else entry, previous)
            nodes.extend([node] if node else [])
            previous = name
        return tuple(nodes)

    def _node(self, name: str, entry: Any, previous: str | None) -> Node | None:
        place = f"layer {name}"
        if not isinstance(entry, Mapping) or "layer" not in entry:
            self.mistakes.append(f"{place}: does not say its layer, such as {{layer: ReLU}}")
            return None
        settings = {key: value for key, value in entry.items() if key not in ("layer", "from")}
        layer = self._layer(place, entry["layer"], settings)
        if "from" in entry:
            sources = self._names(entry["from"], f"{place}: from")
        elif previous is not None:
            sources = (previous,)
        else:
            sources = ()
            self.mistakes.append(f"{place}: say what it reads with from: [...]")
        return None if layer is None else Node(name, layer, sources)

    def _layer(self, place: str, kind: Any, settings: dict[str, Any]) -> Layer | None:
        try:
            found = LAYERS.get(kind if isinstance(kind, str) else repr(kind))
        except UnknownNameError as error:
            self.mistakes.append(f"{place}: {error.message}; {error.way_out}")
            return None
        if wrong := setting_mistakes(found, settings):
            self.mistakes.extend(f"{place}: {kind} {mistake}" for mistake in wrong)
            return None
        return found(**settings)

    def _text(self, value: Any, place: str) -> str:
        if not isinstance(value, str):
            self.mistakes.append(f"{place} is {value!r}; it is text: put it in quotes")
        return str(value)

    def _names(self, value: Any, place: str) -> tuple[str, ...]:
        names = [value] if isinstance(value, str) else value
        if isinstance(names, Sequence) and all(isinstance(name, str) for name in names):
            return tuple(names)
        self.mistakes.append(f"{place} is {value!r}; it is a name or a list of names")
        return ()


def _input_entry(given: Input) -> Any:
    shape = given.shape[0] if len(given.shape) == 1 else list(given.shape)
    return shape if given.values == "float" else {"shape": shape, "values": given.values}


def _plain(value: Any) -> Any:
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _kind(value: Any) -> str:
    if value is None:
        return "missing"
    names = {dict: "a mapping", list: "a list", str: "text", bool: "true or false"}
    name = names.get(type(value), "a number")
    return f"an empty {name[2:]}" if isinstance(value, (dict, list)) and not value else name


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(names)
