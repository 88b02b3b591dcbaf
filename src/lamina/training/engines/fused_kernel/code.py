"""Writes one function of LLVM vector code: values, addresses, loops."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

Value = str
"""A name of a value in the code, or a constant in LLVM's spelling."""


def single(number: float) -> str:
    """A float32 constant in LLVM's spelling: the bits of the equal float64."""
    rounded = struct.unpack("f", struct.pack("f", number))[0]
    return f"0x{struct.unpack('<Q', struct.pack('<d', rounded))[0]:016X}"


@dataclass
class Loop:
    """A loop being written: its index, the carried values inside, and what follows them.

    Set `following` to the values that the next turn carries; after the loop `results` hold
    the last ones.
    """

    index: Value
    carried: list[Value]
    following: list[Value] = field(default_factory=list)
    results: list[Value] = field(default_factory=list)


class Code:
    """Collects the lines of a module's functions.

    Args:
        lanes: values per vector; rows run along the lanes.
    """

    def __init__(self, lanes: int) -> None:
        self.lanes = lanes
        self.vector = f"<{lanes} x float>"
        self.integers = f"<{lanes} x i32>"
        self.step = 4 * lanes
        """Bytes per vector."""
        self._lines: list[str] = []
        self._declared: set[str] = set()
        self._counter = 0
        self._block = "entry"

    def text(self) -> str:
        """The whole module."""
        return "\n".join([*self._lines, *sorted(self._declared)]) + "\n"

    # functions and control flow

    @contextmanager
    def function(self, name: str, arguments: Sequence[str], internal: bool) -> Iterator[None]:
        """A function without result; arguments as "type %name"."""
        linkage = "internal " if internal else ""
        self._lines.append(f"define {linkage}void @{name}({', '.join(arguments)}) #0 {{")
        self._lines.append("entry:")
        self._block = "entry"
        yield
        self._lines += ["  ret void", "}"]

    def fresh(self, prefix: str = "v") -> str:
        """A name not yet used."""
        self._counter += 1
        return f"{prefix}{self._counter}"

    def put(self, text: str) -> Value:
        """An instruction with a result."""
        name = f"%{self.fresh()}"
        self._lines.append(f"  {name} = {text}")
        return name

    def do(self, text: str) -> None:
        """An instruction without result."""
        self._lines.append(f"  {text}")

    def begin(self, label: str) -> None:
        """Starts a block of code; the one before must have ended in a branch."""
        self._lines.append(f"{label}:")
        self._block = label

    @contextmanager
    def loop(
        self,
        start: Value,
        stop: Value,
        step: int = 1,
        carried: Sequence[tuple[str, Value]] = (),
    ) -> Iterator[Loop]:
        """A counted loop over i64; turns only while index < stop (also the first time).

        carried: (type, first value) of values that pass from turn to turn.
        """
        before, body, after = self._block, self.fresh("body"), self.fresh("after")
        index = f"%{self.fresh('i')}"
        inside = [f"%{self.fresh('c')}" for _ in carried]
        self.do(f"br i1 {self.put(f'icmp slt i64 {start}, {stop}')}, label %{body}, label %{after}")
        self.begin(body)
        head = len(self._lines)
        loop = Loop(index, inside)
        yield loop
        following = self.put(f"add nsw i64 {index}, {step}")
        more = self.put(f"icmp slt i64 {following}, {stop}")
        latch = self._block
        self.do(f"br i1 {more}, label %{body}, label %{after}")
        phis = [f"  {index} = phi i64 [ {start}, %{before} ], [ {following}, %{latch} ]"]
        for name, (kind, first), last in zip(inside, carried, loop.following, strict=True):
            phis.append(f"  {name} = phi {kind} [ {first}, %{before} ], [ {last}, %{latch} ]")
        self._lines[head:head] = phis
        self.begin(after)
        for (kind, first), last in zip(carried, loop.following, strict=True):
            loop.results.append(
                self.put(f"phi {kind} [ {first}, %{before} ], [ {last}, %{latch} ]")
            )

    @contextmanager
    def when(self, condition: Value) -> Iterator[None]:
        """Code that runs only if an i1 is true."""
        inside, after = self.fresh("then"), self.fresh("after")
        self.do(f"br i1 {condition}, label %{inside}, label %{after}")
        self.begin(inside)
        yield
        self.do(f"br label %{after}")
        self.begin(after)

    # integers and addresses

    def integer(self, operation: str, left: Value, right: Value | int) -> Value:
        """An i64 operation ("add", "mul", "sdiv", ...)."""
        return self.put(f"{operation} i64 {left}, {right}")

    def at(self, pointer: Value, offset: Value | int) -> Value:
        """The address `offset` bytes behind a pointer."""
        if offset == 0:
            return pointer
        return self.put(f"getelementptr inbounds i8, ptr {pointer}, i64 {offset}")

    def along(self, pointer: Value, index: Value, stride: int) -> Value:
        """The address `index` times `stride` bytes behind a pointer."""
        return self.at(pointer, self.integer("mul", index, stride))

    def read(self, kind: str, pointer: Value, offset: Value | int = 0) -> Value:
        """A scalar from memory."""
        return self.put(f"load {kind}, ptr {self.at(pointer, offset)}")

    def write(self, kind: str, value: Value, pointer: Value, offset: Value | int = 0) -> None:
        """A scalar to memory."""
        self.do(f"store {kind} {value}, ptr {self.at(pointer, offset)}")

    # vectors of float32

    def load(self, pointer: Value, offset: Value | int = 0) -> Value:
        """A vector from aligned memory."""
        place = self.at(pointer, offset)
        return self.put(f"load {self.vector}, ptr {place}, align {self.step}")

    def store(self, value: Value, pointer: Value, offset: Value | int = 0) -> None:
        """A vector to aligned memory."""
        place = self.at(pointer, offset)
        self.do(f"store {self.vector} {value}, ptr {place}, align {self.step}")

    def gather(self, pointer: Value, indices: Value) -> Value:
        """float32 values from anywhere behind a pointer; indices count values, as i32 lanes."""
        pointers = f"<{self.lanes} x ptr>"
        name = f"llvm.masked.gather.v{self.lanes}f32.v{self.lanes}p0"
        bits = f"<{self.lanes} x i1>"
        places = self.put(f"getelementptr float, ptr {pointer}, {self.integers} {indices}")
        arguments = f"{pointers}, i32, {bits}, {self.vector}"
        self._declared.add(f"declare {self.vector} @{name}({arguments})")
        return self.put(
            f"call {self.vector} @{name}({pointers} {places}, i32 4, {bits} splat (i1 true), "
            f"{self.vector} poison)"
        )

    def spread(self, pointer: Value, offset: Value | int = 0) -> Value:
        """One float32 from memory in all lanes."""
        return self.splat(self.read("float", pointer, offset))

    def splat(self, scalar: Value) -> Value:
        """One float32 value in all lanes."""
        first = self.put(f"insertelement {self.vector} poison, float {scalar}, i64 0")
        return self.put(
            f"shufflevector {self.vector} {first}, {self.vector} poison, "
            f"{self.integers} zeroinitializer"
        )

    def constant(self, number: float) -> Value:
        """A number in all lanes."""
        return f"splat (float {single(number)})"

    def add(self, left: Value, right: Value) -> Value:
        """left + right."""
        return self.put(f"fadd {self.vector} {left}, {right}")

    def sub(self, left: Value, right: Value) -> Value:
        """left - right."""
        return self.put(f"fsub {self.vector} {left}, {right}")

    def mul(self, left: Value, right: Value) -> Value:
        """left * right."""
        return self.put(f"fmul {self.vector} {left}, {right}")

    def div(self, left: Value, right: Value) -> Value:
        """left / right."""
        return self.put(f"fdiv {self.vector} {left}, {right}")

    def fma(self, left: Value, right: Value, addend: Value) -> Value:
        """left * right + addend; rounded once where the core does both in one step."""
        return self.call("fmuladd", left, right, addend)

    def negate(self, value: Value) -> Value:
        """-value."""
        return self.put(f"fneg {self.vector} {value}")

    def call(self, intrinsic: str, *values: Value) -> Value:
        """An LLVM intrinsic on vectors ("fmuladd", "fabs", "sqrt")."""
        name = f"llvm.{intrinsic}.v{self.lanes}f32"
        kinds = ", ".join([self.vector] * len(values))
        self._declared.add(f"declare {self.vector} @{name}({kinds})")
        given = ", ".join(f"{self.vector} {value}" for value in values)
        return self.put(f"call {self.vector} @{name}({given})")

    def declare(self, text: str) -> None:
        """Declares a function of LLVM or of the machine."""
        self._declared.add(text)

    def compare(self, relation: str, left: Value, right: Value) -> Value:
        """Lanes where `relation` ("ogt", "olt", ...) holds."""
        return self.put(f"fcmp {relation} {self.vector} {left}, {right}")

    def choose(self, mask: Value, yes: Value, no: Value) -> Value:
        """yes where the mask holds, no elsewhere."""
        return self.put(
            f"select <{self.lanes} x i1> {mask}, {self.vector} {yes}, {self.vector} {no}"
        )

    def larger(self, bound: Value, value: Value) -> Value:
        """max(bound, value); a value that is no number stays one."""
        return self.choose(self.compare("ogt", bound, value), bound, value)

    def smaller(self, bound: Value, value: Value) -> Value:
        """min(bound, value); a value that is no number stays one."""
        return self.choose(self.compare("olt", bound, value), bound, value)

    def bits(self, value: Value) -> Value:
        """The float32 lanes as i32."""
        return self.put(f"bitcast {self.vector} {value} to {self.integers}")

    def unbits(self, value: Value) -> Value:
        """i32 lanes as float32."""
        return self.put(f"bitcast {self.integers} {value} to {self.vector}")

    def lanewise(self, operation: str, left: Value, right: Value | int) -> Value:
        """An i32 operation on lanes; right may be a number."""
        other = f"splat (i32 {right})" if isinstance(right, int) else right
        return self.put(f"{operation} {self.integers} {left}, {other}")

    def shuffle(self, left: Value, right: Value, order: Sequence[int]) -> Value:
        """Lanes picked from two vectors by number."""
        picked = ", ".join(f"i32 {lane}" for lane in order)
        return self.put(
            f"shufflevector {self.vector} {left}, {self.vector} {right}, "
            f"<{len(order)} x i32> <{picked}>"
        )

    def add_lanes(self, vector: Value, first: int, count: int, pointer: Value) -> None:
        """Adds some lanes, from number `first` on, to float32 values in memory."""
        kind = f"<{count} x float>"
        order = ", ".join(f"i32 {first + lane}" for lane in range(count))
        part = self.put(
            f"shufflevector {self.vector} {vector}, {self.vector} poison, <{count} x i32> <{order}>"
        )
        before = self.put(f"load {kind}, ptr {pointer}, align 4")
        after = self.put(f"fadd {kind} {before}, {part}")
        self.do(f"store {kind} {after}, ptr {pointer}, align 4")

    def total(self, vectors: Sequence[Value]) -> Value:
        """Sums of the lanes of `lanes` vectors, as one vector (lane i: sum of vector i).

        A tree that halves the vectors at every level, so that equal work is done in all lanes.
        """
        level, width = list(vectors), self.lanes
        while len(level) > 1:
            width //= 2
            level = [
                self._fold(level[i], level[i + len(level) // 2], width)
                for i in range(len(level) // 2)
            ]
        return level[0]

    def _fold(self, left: Value, right: Value, width: int) -> Value:
        """Adds lanes `width` apart: left's sums stay where bit `width` is 0, right's where 1."""
        lanes = range(self.lanes)
        low = [lane if not lane & width else (lane ^ width) + self.lanes for lane in lanes]
        high = [lane ^ width if not lane & width else lane + self.lanes for lane in lanes]
        return self.add(self.shuffle(left, right, low), self.shuffle(left, right, high))
