"""A results document as text, as Markdown and as files; figures are never typed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from lamina.benchmark.figures import draw
from lamina.benchmark.results import FORMAT
from lamina.benchmark.sheets import Sheet, sheets
from lamina.errors import DocumentError, MissingExtraError

Results = Mapping[str, Any]

BUSY = 0.5
"""Load of a machine that does something else."""


@dataclass(frozen=True)
class Kind:
    """How one kind of results is told; found by the document's key `benchmark`.

    Args:
        head: lines of its own, above the tables.
        sheets: its tables.
        draw: writes its pictures into a folder.
        left_out: lines on what was not measured.
    """

    head: Callable[[Results], list[str]]
    sheets: Callable[[Results], list[Sheet]]
    draw: Callable[[Results, Path], list[Path]]
    left_out: Callable[[Results], list[str]]


def kind_of(results: Results) -> Kind:
    """The kind of a results document.

    Raises:
        KeyError: a kind that this version does not know.
    """
    name = _name(results)
    module = import_module(_KINDS[name])
    if name == "networks":
        return Kind(_networks_head, sheets, draw, _networks_left_out)
    return Kind(module.head, module.sheets, getattr(module, "draw", _no_pictures), _left_out)


def _no_pictures(results: Results, folder: Path) -> list[Path]:
    """Of a kind whose module has no `draw`."""
    del results, folder
    return []


def text(results: Results) -> str:
    """Everything for a terminal."""
    kind = kind_of(results)
    lines = [*_head(results), *kind.head(results), ""]
    for sheet in kind.sheets(results):
        lines.extend((sheet.text(), ""))
    return "\n".join([*lines, *kind.left_out(results)]).rstrip()


def markdown(results: Results, pictures: tuple[str, ...] = ()) -> str:
    """The same as a page.

    Args:
        results: a results document.
        pictures: file names to show, relative to the page.
    """
    kind = kind_of(results)
    head = "\n".join(f"- {line}" for line in (*_head(results), *kind.head(results)))
    parts = [
        f"# Benchmark: {_name(results)}",
        f"Written by `lamina benchmark` from its `results.json`.\n\n{head}",
        *(sheet.markdown() for sheet in kind.sheets(results)),
        *(f"![{_caption(name)}]({name})" for name in pictures),
    ]
    left_out = kind.left_out(results)
    if left_out:
        parts.append("## Not measured\n\n" + "\n".join(f"- {line}" for line in left_out))
    return "\n\n".join(parts) + "\n"


def write(results: Results, folder: Path) -> list[Path]:
    """Writes results.json, results.md and the figures into a folder; returns the files.

    Without matplotlib there are no figures; the page then says nothing of them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    document, page = folder / "results.json", folder / "results.md"
    document.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    try:
        pictures = kind_of(results).draw(results, folder)
    except MissingExtraError:
        pictures = []
    shown = tuple(file.name for file in pictures if file.suffix == ".png")
    page.write_text(markdown(results, shown), encoding="utf-8")
    return [document, page, *pictures]


def read(path: Path) -> dict[str, Any]:
    """A results document from its file.

    Raises:
        DocumentError: there is none, it is not JSON, or not of our format.
    """
    way_out = _RESULTS
    try:
        results = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        reason = error.strerror or str(error)
        raise DocumentError(f"results {str(path)!r}", [reason], way_out) from error
    except (ValueError, RecursionError) as error:
        raise DocumentError(
            f"results {str(path)!r}", [f"it is not JSON: {error}"], way_out
        ) from error
    if not isinstance(results, dict) or results.get("lamina") != FORMAT:
        found = results.get("lamina") if isinstance(results, dict) else type(results).__name__
        mistake = f"it says lamina = {found!r}, not {FORMAT!r}"
        raise DocumentError(f"results {str(path)!r}", [mistake], way_out)
    return results


def page(*paths: Path) -> str:
    """The Markdown page of results documents in files, one section each.

    Raises:
        DocumentError: as `read`; or parts of the document are missing or of another kind.
    """
    return "\n".join(_section(path) for path in paths)


def _section(path: Path) -> str:
    results = read(path)
    try:
        return markdown(results)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, ArithmeticError) as error:
        what = f"{type(error).__name__}: {error}"
        raise DocumentError(f"results {str(path)!r}", [f"not whole ({what})"], _RESULTS) from error


_RESULTS = (
    "give the results.json that `lamina benchmark networks -o DIR` (or overhead, faults, gantt) "
    "wrote"
)

_KINDS = {
    "networks": "lamina.benchmark.sheets",
    "overhead": "lamina.benchmark.overhead.sheets",
    "faults": "lamina.benchmark.faults.sheets",
    "gantt": "lamina.benchmark.gantt",
    "traces": "lamina.benchmark.traces",
    "diagnosis": "lamina.benchmark.diagnosis.sheets",
    "placement": "lamina.benchmark.placement.sheets",
    "planners": "lamina.benchmark.planners",
}


def _name(results: Results) -> str:
    return str(results.get("benchmark", "networks"))


def _head(results: Results) -> list[str]:
    machine = results["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in results["versions"].items())
    lines = [
        f"command: {results['command']}",
        f"date: {results['date']}; it took {results['wall_seconds']:.0f} s",
        f"machine: {machine['cpu']}, {machine['cores']} cores, "
        f"{machine['memory_gib']} GiB, {machine['os']}",
        f"load before the start: {results['load_before']}",
        f"versions: {versions}",
    ]
    if (results["load_before"] or 0.0) > BUSY:
        lines.append("the machine was busy with other work: times are longer than they would be")
    if results["quick"]:
        lines.append("quick form: little and seldom; the bars below are a hint, not a verdict")
    return lines


def _networks_head(results: Results) -> list[str]:
    return [
        f"seeds: split {results['seeds']['split']}, weights {results['seeds']['weights']}",
        f"every training: {results['epochs']} epochs, {results['batches']} batches",
    ]


def _left_out(results: Results) -> list[str]:
    """Names under `absent` and `failed`, with the reason."""
    return [
        f"{key}: {name}: {reason}"
        for key in ("absent", "failed")
        for name, reason in results[key].items()
    ]


def _networks_left_out(results: Results) -> list[str]:
    absent = {**results["absent"]["sets"], **results["absent"]["contestants"]}
    lines = [f"absent: {name}: {reason}" for name, reason in absent.items()]
    for key in ("refused", "failed"):
        for who, found in results[key].items():
            for reason in dict.fromkeys(found.values()):
                subjects = ", ".join(what for what, why in found.items() if why == reason)
                lines.append(f"{key}: {who} on {subjects}: {reason}")
    return lines


def _caption(name: str) -> str:
    return name.removesuffix(".png").replace("-", " ").capitalize()
