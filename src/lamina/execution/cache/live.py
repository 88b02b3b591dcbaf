"""What a function at hand means to its results: cells, closures, lambdas, and their values."""

from __future__ import annotations

import dis
import functools
import sys
import types
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from lamina.errors import LaminaError, UsageError
from lamina.execution.cache.code import Analysis, Code
from lamina.execution.cache.scopes import Chain

_LEAVES = (type(None), bool, int, float, complex, str, bytes, type(...), type(NotImplemented))
_UNMADE = (object.__reduce_ex__, object.__reduce__)


def code_at_hand(
    call: Callable[..., Any], function: str, folder: Path | None, analysis: Analysis
) -> Code:
    """The code of a function that is at hand: from its file where it stands in one by its name.

    Args:
        call: the function.
        function: "module:name" or "file.py:name", as its action says.
        folder: what a relative file is relative to.
        analysis: reads files.

    Raises:
        UsageError: it holds a value whose content cannot be told.
    """
    if _stands_in_file(call, function):
        try:
            return analysis.function(function, folder)
        except LaminaError:
            pass  # it was made by a program, say; then what is at hand is all there is
    look = _Look(analysis)
    look.root(call)
    return look.code()


def _stands_in_file(call: Callable[..., Any], function: str) -> bool:
    if "<" in function or function.startswith(("__main__:", "?:")):
        return False
    return isinstance(call, (types.FunctionType, types.BuiltinFunctionType, type))


class _Look:
    """Looks through values and notes the functions and classes that they are made of."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._code = Code()
        self._met: dict[int, str] = {}
        self._held: list[Any] = []

    def code(self) -> Code:
        """What was found."""
        return replace(self._code, names=dict(sorted(self._code.names.items())))

    def root(self, call: Any) -> None:
        """Begins at what is called."""
        told = self.label(call)
        if not isinstance(call, types.FunctionType):
            self._note(type(call).__qualname__, [told], f"({type(call).__qualname__})")

    def label(self, value: Any) -> str:
        """A text that is the same for values that mean the same."""
        if type(value) in _LEAVES:
            return f"{type(value).__name__} {value!r}"
        if id(value) in self._met:
            return self._met[id(value)]
        self._met[id(value)] = f"again {len(self._met)}"
        self._held.append(value)
        found = self._met[id(value)] = self._made(value)
        return found

    def _made(self, value: Any) -> str:
        if isinstance(value, (types.FunctionType, type)):
            return self._named(value)
        if isinstance(value, types.ModuleType):
            return self._module(value.__name__, ())
        if isinstance(value, (list, tuple)) and type(value) in (list, tuple):
            return f"{type(value).__name__} [{', '.join(map(self.label, value))}]"
        if type(value) is dict:
            inner = (f"{self.label(key)}: {self.label(item)}" for key, item in value.items())
            return f"dict {{{', '.join(inner)}}}"
        if type(value) in (set, frozenset):
            return f"{type(value).__name__} {{{', '.join(sorted(map(self.label, value)))}}}"
        return self._other(value)

    def _other(self, value: Any) -> str:
        if isinstance(value, functools.partial):
            return f"partial {self.label([value.func, value.args, value.keywords])}"
        if isinstance(value, types.MethodType):
            return f"method {self.label([value.__func__, value.__self__])}"
        if isinstance(value, types.BuiltinFunctionType) and not _instance(value.__self__):
            return self._module(value.__module__ or "builtins", (value.__qualname__,))
        inner = getattr(value, "__wrapped__", None)  # a step, a cached function
        if inner is not None and callable(inner):
            return f"{type(value).__qualname__} of {self.label(inner)}"
        kind = type(value)
        if _is_array(value):
            content = sha256(value.tobytes()).hexdigest()
            return f"{kind.__qualname__} {value.dtype} {value.shape} {content}"
        plain = kind.__reduce_ex__ in _UNMADE and not hasattr(kind, "__slots__")
        if plain and hasattr(value, "__dict__") and "__getstate__" not in vars(kind):
            return f"object of {self.label(kind)} {self.label(dict(vars(value)))}"
        return f"{kind.__qualname__} {self._pickled(value)}"

    def _pickled(self, value: Any) -> str:
        import cloudpickle

        try:
            return sha256(cloudpickle.dumps(value, protocol=4)).hexdigest()
        except Exception as error:  # what a class does while it is pickled cannot be listed
            raise UsageError(
                f"it holds a {type(value).__qualname__}, whose content cannot be told",
                "hand it over as an input, or make it inside of the function",
            ) from error

    def _named(self, value: Any) -> str:
        """A function or a class: by its file where it stands in one, else by itself."""
        module, name = value.__module__ or "", value.__qualname__
        if module == "builtins":
            return f"builtins.{name}"
        if module not in ("__main__", "") and "<" not in name:
            found = self._module(module, tuple(name.split(".")))
            if found:
                return found
        if isinstance(value, type):
            return self._class(value)
        return self._function(value)

    def _module(self, module: str, chain: Chain) -> str:
        """A name of a module, by its text; empty where that does not tell."""
        if module == "__main__":
            raise UsageError("it uses the module __main__ itself", "use its names one by one")
        loaded = sys.modules.get(module)
        if loaded is not None and getattr(loaded, "__file__", None) is None:
            top = module.partition(".")[0]
            if top not in sys.stdlib_module_names and not hasattr(loaded, "__path__"):
                return ""
        found = self._analysis.member(module, chain, _beside(loaded))
        if found is None:
            return ""
        self._join(found)
        return ".".join((module, *chain))

    def _join(self, other: Code) -> None:
        mine = self._code
        self._code = Code(
            mine.names | other.names,
            mine.places | other.places,
            mine.packages | other.packages,
            mine.stamps + other.stamps,
        )

    def _function(self, function: types.FunctionType) -> str:
        told = [_code_text(function.__code__, function.__doc__)]
        told.append(self.label([function.__defaults__, function.__kwdefaults__]))
        names = function.__code__.co_freevars
        for name, cell in zip(names, function.__closure__ or (), strict=True):
            told.append(f"{name} = {self._cell(cell)}")
        for chain in sorted(set(_globals(function.__code__))):
            if chain[0] in function.__globals__:
                value = function.__globals__[chain[0]]
                told.append(f"{'.'.join(chain)} = {self._global(value, chain[1:])}")
        return self._note(function.__qualname__, told, _place(function))

    def _cell(self, cell: types.CellType) -> str:
        try:
            return self.label(cell.cell_contents)
        except ValueError:  # still empty: a function that names itself
            return "empty"

    def _global(self, value: Any, rest: Chain) -> str:
        if isinstance(value, types.ModuleType):
            return self._module(value.__name__, rest) or value.__name__
        return self.label(value)

    def _class(self, cls: type) -> str:
        told = [self.label([base for base in cls.__bases__])]
        for name, value in sorted(vars(cls).items()):
            if name in _CLASS_OWN:
                continue
            inner = getattr(value, "__func__", None) or getattr(value, "fget", None) or value
            told.append(f"{name} = {type(value).__name__} {self.label(inner)}")
        return self._note(cls.__qualname__, told, f"({cls.__qualname__})")

    def _note(self, name: str, told: Iterable[str], place: str) -> str:
        digest = sha256("\n".join(told).encode("utf-8", "surrogatepass")).hexdigest()[:20]
        label = f"here:{name}"
        number = 1
        while label in self._code.names and self._code.names[label] != digest:
            number += 1
            label = f"here:{name}~{number}"
        self._join(Code({label: digest}, {label: place}))
        return f"{label} {digest}"


_CLASS_OWN = frozenset(
    {"__module__", "__dict__", "__weakref__", "__doc__", "__qualname__", "__firstlineno__"}
    | {"__static_attributes__", "__abstractmethods__", "_abc_impl", "__annotations__"}
)


def _instance(value: Any) -> bool:
    return value is not None and not isinstance(value, types.ModuleType)


def _beside(module: types.ModuleType | None) -> Path | None:
    """The folder of a loaded module's file, where its neighbours may be."""
    file = getattr(module, "__file__", None)
    name = getattr(module, "__name__", "")
    return Path(file).absolute().parent if file and "." not in name else None


def _code_text(code: types.CodeType, doc: str | None = None) -> str:
    """A function's instructions and constants, without lines and text about it."""
    constants = [
        None if number == 0 and doc is not None and constant == doc else constant
        for number, constant in enumerate(code.co_consts)
    ]
    parts = [
        sha256(code.co_code).hexdigest(),
        ", ".join(map(_constant, constants)),
        *(repr(names) for names in (code.co_names, code.co_varnames, code.co_freevars)),
        repr((code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags)),
        getattr(code, "co_exceptiontable", b"").hex(),
    ]
    return "\n".join(parts)


def _constant(value: Any) -> str:
    if isinstance(value, types.CodeType):
        return f"({_code_text(value)})"
    if isinstance(value, frozenset):
        return f"frozenset {sorted(map(_constant, value))}"
    if isinstance(value, tuple):
        return f"({', '.join(map(_constant, value))})"
    return f"{type(value).__name__} {value!r}"


def _is_array(value: Any) -> bool:
    known = all(hasattr(value, name) for name in ("tobytes", "dtype", "shape"))
    return known and "O" not in str(value.dtype)


_STARTS = ("LOAD_GLOBAL", "LOAD_NAME")
_GOES_ON = ("LOAD_ATTR", "LOAD_METHOD")


def _globals(code: types.CodeType) -> Iterator[Chain]:
    """The dotted names that instructions reach for outside of the function."""
    chain: Chain = ()
    for step in dis.get_instructions(code):
        if chain and step.opname in _GOES_ON:
            chain = (*chain, step.argval)
        elif step.opname not in ("CACHE", "PRECALL"):
            if chain:
                yield chain
            chain = (step.argval,) if step.opname in _STARTS else ()
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _globals(constant)


def _place(function: types.FunctionType) -> str:
    file = function.__code__.co_filename
    name = "cell" if "ipykernel" in file or file.startswith("<ipython") else Path(file).name
    return f"{name}:{function.__code__.co_firstlineno} ({function.__qualname__})"
