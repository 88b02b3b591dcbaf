"""One of two workflows, as a value decides while the run goes on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from lamina.workflow.actions.base import Place
from lamina.workflow.actions.composite import Composite, Part
from lamina.workflow.ports import Port, Signature
from lamina.workflow.types import ANY, PortType

if TYPE_CHECKING:
    from lamina.workflow.graph import Task, Workflow

WHEN = "when"
"""The input port that decides."""


@dataclass(frozen=True)
class ChooseAction(Composite):
    """Runs `then` if its port "when" is true, and `otherwise` if not.

    The other ports are the inputs of both; each gets those that it has. Both have the same
    outputs. Without `otherwise`, an output that has the name of an input is that input, and any
    other is empty.

    Args:
        then: what runs when it is true.
        otherwise: what runs when it is not; None for nothing.
        files: "then" and "otherwise" -> where they were read from, relative to the document
            around them; those that are inline are left out.
    """

    then: Workflow
    otherwise: Workflow | None = None
    files: tuple[tuple[str, str], ...] = ()
    kind: ClassVar[str] = "choose"

    def branch(self, when: bool) -> Workflow | None:
        """What runs."""
        return self.then if when else self.otherwise

    @property
    def handed_on(self) -> tuple[str, ...]:
        """Outputs that are the input of their name when nothing runs."""
        if self.otherwise is not None:
            return ()
        inputs = {port.name for port in self.then.inputs}
        return tuple(port.name for port in self.then.outputs if port.name in inputs)

    def parts(self) -> tuple[Part, ...]:
        """Then, and otherwise where there is one."""
        files = dict(self.files)
        found = [Part("then", self.then, files.get("then", ""))]
        if self.otherwise is not None:
            found.append(Part("otherwise", self.otherwise, files.get("otherwise", "")))
        return tuple(found)

    def signature(self) -> Signature:
        """The port that decides, the inputs of both, and the outputs that they share."""
        inputs = [Port(WHEN, "bool")]
        inputs += [_shared(name, ports) for name, ports in _inputs(self).items() if name != WHEN]
        outputs = [_output(self, port) for port in self.then.outputs]
        return Signature(tuple(inputs), tuple(outputs))

    def mistakes(self, task: Task) -> list[str]:
        """Outputs that one of them lacks, inputs of one name and different types."""
        del task
        return [*_outputs_differ(self), *_inputs_differ(self)]

    def to_document(self) -> dict[str, Any]:
        """Each is the name of a file, or the workflow inline."""
        return {"do": "choose", **{part.word: part.to_document() for part in self.parts()}}

    @classmethod
    def from_document(cls, entry: dict[str, Any], place: Place) -> ChooseAction:
        """Reads the files or the inline forms through `place`."""
        words = [word for word in ("then", "otherwise") if word in entry]
        read = {word: place.nested(entry[word]) for word in words}
        files = tuple((word, entry[word]) for word in words if isinstance(entry[word], str))
        return cls(read["then"], read.get("otherwise"), files)

    def summary(self) -> str:
        """The names of both."""
        names = [part.workflow.name for part in self.parts()]
        return f"if {WHEN}: {names[0]}" + (f", else: {names[1]}" if len(names) > 1 else "")


def _inputs(action: ChooseAction) -> Mapping[str, list[Port]]:
    found: dict[str, list[Port]] = {}
    for part in action.parts():
        for port in part.workflow.inputs:
            found.setdefault(port.name, []).append(port)
    return found


def _shared(name: str, ports: list[Port]) -> Port:
    """One port for the inputs of one name; each workflow fills in a default of its own."""
    same = all(port.default == ports[0].default for port in ports)
    kind = _narrowest([port.type for port in ports])
    optional = all(port.optional for port in ports)
    return Port(name, kind, optional, ports[0].default if same and optional else None)


def _narrowest(kinds: list[PortType]) -> PortType:
    """The type that may go wherever any of them is asked for."""
    named = [kind for kind in kinds if kind != ANY]
    return next((kind for kind in named if all(kind.fits(other) for other in named)), ANY)


def _output(action: ChooseAction, port: Port) -> Port:
    """An output of both; the wider type of the two."""
    if action.otherwise is None:
        return Port(port.name, port.type, port.optional or port.name not in action.handed_on)
    other = {p.name: p for p in action.otherwise.outputs}.get(port.name, port)
    options = [port.type, other.type]
    wide = next((kind for kind in options if all(o.fits(kind) for o in options)), ANY)
    return Port(port.name, ANY if ANY in options else wide, port.optional or other.optional)


def _outputs_differ(action: ChooseAction) -> Iterator[str]:
    if action.otherwise is None:
        return
    first, second = ({port.name for port in part.workflow.outputs} for part in action.parts())
    for word, has, lacks in (("otherwise", first, second), ("then", second, first)):
        for name in sorted(has - lacks):
            yield (
                f"{word!r} has no output {name!r}, and the other has; give both the same "
                "outputs, or make it no output of the other"
            )


def _inputs_differ(action: ChooseAction) -> Iterator[str]:
    for name, ports in _inputs(action).items():
        kinds = [port.type for port in ports]
        if name == WHEN and any(str(kind) not in ("bool", "any") for kind in kinds):
            yield f"the input {WHEN!r} is the bool that decides; give that input another name"
        elif _narrowest(kinds) == ANY and any(kind != ANY for kind in kinds):
            yield (
                f"the input {name!r} is {kinds[0]} in one and {kinds[1]} in the other; give it "
                "one type, or two names"
            )
    if action.otherwise is None:
        inputs = {port.name: port for port in action.then.inputs}
        for port in action.then.outputs:
            given = inputs.get(port.name)
            if given is not None and not given.type.fits(port.type):
                yield (
                    f"without 'otherwise' the output {port.name!r} ({port.type}) is the input of "
                    f"that name, which is {given.type}; give both one type, or two names"
                )
