"""The whole training of a member as one function: epochs, batches, slices, threads."""

from __future__ import annotations

from dataclasses import dataclass

from lamina.training.engines.fused_kernel import update
from lamina.training.engines.fused_kernel.code import Code, Value
from lamina.training.engines.fused_kernel.dense import Grid
from lamina.training.engines.fused_kernel.passes import Passes
from lamina.training.engines.fused_kernel.plan import BATCH, HYPER, MOST_SLICES, ROW, Plan

SPINS = 4096
"""Turns a thread waits for the others before it gives its core away."""


def write(plan: Plan) -> str:
    """The module of a plan, as LLVM code, with four functions to call:

    work(rows, count, counter, space, size): takes members from a counter until none is left;
    share(row, space, sums, thread, threads, gate, give_way): trains one member with others;
    predict(data, row vectors, parameters, space, out): outputs, [row vector][unit][lane];
    arrange(table, places, row vectors, data): rows of a table into the kernel's order.
    """
    code = Code(plan.lanes)
    _slice(code, plan)
    _wait(code)
    _member(code, plan)
    _work(code)
    _predict(code, plan)
    _arrange(code, plan)
    code.declare("attributes #0 = { nounwind }")
    return code.text()


@dataclass(frozen=True)
class _Row:
    """Reads what the kernel is told about a member."""

    code: Code
    base: Value

    def address(self, name: str) -> Value:
        return self.code.read("ptr", self.base, 8 * ROW.index(name))

    def count(self, name: str) -> Value:
        return self.code.read("i64", self.base, 8 * ROW.index(name))


def _slice(code: Code, plan: Plan) -> None:
    """@slice: gradients and loss of some row vectors, summed over rows, into `sums`."""
    arguments = [
        "ptr %data", "i64 %begin", "i64 %end", "ptr %parameters", "ptr %numbers",
        "ptr %space", "ptr %sums",
    ]  # fmt: skip
    with code.function("slice", arguments, internal=True):
        passes = Passes(code, plan, "%parameters", code.at("%space", plan.memory["scratch"]))
        lost = code.at("%space", plan.memory["loss"])
        for pointer, size in (("%sums", 4 * plan.padded), (lost, code.step)):
            with code.loop("0", str(size), code.step) as loop:
                code.store("zeroinitializer", pointer, loop.index)
        delta = code.spread("%numbers", 4 * HYPER.index("delta"))
        stride = plan.record * code.step
        with code.loop("%begin", "%end", plan.block) as loop:
            rows = _at_most(code, code.integer("sub", "%end", loop.index), plan.block)
            data = Grid(code.along("%data", loop.index, stride), stride, plan.features)
            passes.forward(rows, data, training=True)
            passes.change(rows, data, delta, lost)
            passes.backward(rows, data, "%sums")
        code.write("float", update.reduced(code, code.load(lost)), "%sums", 4 * plan.padded)


def _at_most(code: Code, value: Value, bound: int) -> Value:
    less = code.put(f"icmp slt i64 {value}, {bound}")
    return code.put(f"select i1 {less}, i64 {value}, i64 {bound}")


def _wait(code: Code) -> None:
    """@wait: returns when all threads have come; `goal` counts arrivals since the start."""
    with code.function("wait", ["ptr %gate", "i64 %goal", "ptr %give_way"], internal=True):
        code.put("atomicrmw add ptr %gate, i64 1 acq_rel")
        code.do("br label %look")
        code.begin("look")
        code.do("%turn = phi i64 [ 0, %entry ], [ %again, %spin ], [ 0, %yield ]")
        seen = code.put("load atomic i64, ptr %gate acquire, align 8")
        there = code.put(f"icmp sge i64 {seen}, %goal")
        code.do(f"br i1 {there}, label %done, label %spin")
        code.begin("spin")
        code.do("%again = add i64 %turn, 1")
        code.do(f"%patient = icmp slt i64 %again, {SPINS}")
        code.do("br i1 %patient, label %look, label %yield")
        code.begin("yield")
        code.do("call void %give_way()")
        code.do("br label %look")
        code.begin("done")


def _member(code: Code, plan: Plan) -> None:
    """@share: all epochs of one member, alone or with other threads.

    Every thread keeps its own copy of the parameters and makes the same step from the same
    sums, so that threads meet once per batch. Sums alternate between two places: a slow thread
    may still read the last batch's while a fast one writes the next.
    """
    arguments = [
        "ptr %row", "ptr %space", "ptr %shared", "i64 %thread", "i64 %threads",
        "ptr %gate", "ptr %give_way",
    ]  # fmt: skip
    with code.function("share", arguments, internal=False):
        mode = _flush_tiny(code, plan)
        row, memory = _Row(code, "%row"), plan.memory
        own = {name: code.at("%space", memory[name]) for name in memory}
        kept = ("parameters", "first", "second")
        for name in kept:
            _copy(code, row.address(name), own[name], plan.padded)
        powers = code.put("alloca [2 x double], align 16")
        for place in (0, 8):
            code.write("double", code.read("double", row.address("powers"), place), powers, place)
        arrays = update.Optimised(
            own["parameters"], own["first"], own["second"], powers, row.address("numbers")
        )
        batches = _Batches(code, plan, row, arrays, own["total"])
        with code.loop("0", row.count("epochs"), 1, [("i64", "0")]) as epoch:
            rate = code.read("double", code.along(row.address("rates"), epoch.index, 8))
            count = row.count("batch_count")
            carried = [("double", "0.0"), ("i64", epoch.carried[0])]
            with code.loop("0", count, 1, carried) as batch:
                batch.following = batches.write(batch.index, rate, *batch.carried)
            code.write(
                "double", batch.results[0], code.along(row.address("losses"), epoch.index, 8)
            )
            epoch.following = [batch.results[1]]
        with code.when(code.put("icmp eq i64 %thread, 0")):
            for name in kept:
                _copy(code, own[name], row.address(name), plan.padded)
            for place in (0, 8):
                power = code.read("double", powers, place)
                code.write("double", power, row.address("powers"), place)
        _restore_mode(code, mode)


def _flush_tiny(code: Code, plan: Plan) -> Value:
    """Makes results below float32's normal numbers zero: the core is far slower with them.

    The momentum of a unit that has died out would stay there for good. Returns the address of
    the mode to restore; empty where the machine needs another way and goes on as it is.
    """
    if not plan.core.x86:
        return ""
    code.declare("declare void @llvm.x86.sse.stmxcsr(ptr)")
    code.declare("declare void @llvm.x86.sse.ldmxcsr(ptr)")
    before = code.put("alloca i32")
    during = code.put("alloca i32")
    code.do(f"call void @llvm.x86.sse.stmxcsr(ptr {before})")
    mode = code.put(f"or i32 {code.read('i32', before)}, {0x8040}")
    code.write("i32", mode, during)
    code.do(f"call void @llvm.x86.sse.ldmxcsr(ptr {during})")
    return before


def _restore_mode(code: Code, mode: Value) -> None:
    if mode:
        code.do(f"call void @llvm.x86.sse.ldmxcsr(ptr {mode})")


@dataclass(frozen=True)
class _Batches:
    """Writes one batch of a member: own slices, meeting, sum, step."""

    code: Code
    plan: Plan
    row: _Row
    arrays: update.Optimised
    total: Value

    def write(self, index: Value, rate: Value, lost: Value, goal: Value) -> list[Value]:
        """Returns the running loss and the next goal of the gate."""
        code, plan = self.code, self.plan
        entry = code.along(self.row.address("batches"), index, 8 * len(BATCH))
        parts = code.read("i64", entry, 8 * BATCH.index("slices"))
        turn = code.integer("and", code.integer("sdiv", goal, "%threads"), 1)
        sums = code.along("%shared", turn, MOST_SLICES * 4 * plan.sums)
        self._own_slices(entry, parts, sums)
        following = code.integer("add", goal, "%threads")
        with code.when(code.put("icmp sgt i64 %threads, 1")):
            code.do(f"call void @wait(ptr %gate, i64 {following}, ptr %give_way)")
        loss, square = update.total(code, plan, sums, parts, self.total)
        update.step(code, plan, self.arrays, self.total, square, rate)
        share = code.read("double", entry, 8 * BATCH.index("share"))
        part = code.put(f"fmul double {code.put(f'fpext float {loss} to double')}, {share}")
        return [code.put(f"fadd double {lost}, {part}"), following]

    def _own_slices(self, entry: Value, parts: Value, sums: Value) -> None:
        """Gradients of this thread's slices: a fixed cut of the batch, shared out by number."""
        code, plan = self.code, self.plan
        begin = code.read("i64", entry, 8 * BATCH.index("begin"))
        count = code.read("i64", entry, 8 * BATCH.index("count"))
        data = self.row.address("data")
        after = code.integer("add", "%thread", 1)
        first = self._cut(parts, "%thread", "%threads")
        with code.loop(first, self._cut(parts, after, "%threads")) as part:
            following = code.integer("add", part.index, 1)
            low = code.integer("add", begin, self._cut(count, part.index, parts))
            high = code.integer("add", begin, self._cut(count, following, parts))
            target = code.along(sums, part.index, 4 * plan.sums)
            code.do(
                f"call void @slice(ptr {data}, i64 {low}, i64 {high}, "
                f"ptr {self.arrays.parameters}, ptr {self.arrays.numbers}, "
                f"ptr %space, ptr {target})"
            )

    def _cut(self, total: Value, part: Value, parts: Value) -> Value:
        """Where part number `part` of `parts` begins."""
        return self.code.integer("sdiv", self.code.integer("mul", total, part), parts)


def _copy(code: Code, source: Value, target: Value, count: int) -> None:
    with code.loop("0", str(4 * count), code.step) as loop:
        code.store(code.load(source, loop.index), target, loop.index)


def _work(code: Code) -> None:
    """@work: members whole, one after another, as long as the counter gives some."""
    arguments = ["ptr %rows", "i64 %count", "ptr %counter", "ptr %space", "ptr %sums"]
    with code.function("work", arguments, internal=False):
        code.do("br label %take")
        code.begin("take")
        number = code.put("atomicrmw add ptr %counter, i64 1 acq_rel")
        code.do(f"%more = icmp slt i64 {number}, %count")
        code.do("br i1 %more, label %train, label %stop")
        code.begin("train")
        row = code.along("%rows", number, 8 * len(ROW))
        code.do(
            f"call void @share(ptr {row}, ptr %space, ptr %sums, i64 0, i64 1, ptr null, ptr null)"
        )
        code.do("br label %take")
        code.begin("stop")


def _predict(code: Code, plan: Plan) -> None:
    """@predict: forward only, with the final sigmoid or softmax."""
    arguments = ["ptr %data", "i64 %count", "ptr %parameters", "ptr %space", "ptr %out"]
    with code.function("predict", arguments, internal=False):
        passes = Passes(code, plan, "%parameters", "%space")
        stride = plan.record * code.step
        with code.loop("0", "%count", plan.block) as loop:
            rows = _at_most(code, code.integer("sub", "%count", loop.index), plan.block)
            data = Grid(code.along("%data", loop.index, stride), stride, plan.features)
            passes.forward(rows, data, training=False)
            passes.finish(rows)
            with code.loop("0", rows) as row:
                source = passes.values[-1].row(code, row.index)
                number = code.integer("add", loop.index, row.index)
                target = code.along("%out", number, plan.width * code.step)
                with code.loop("0", str(plan.width)) as unit:
                    value = code.load(code.along(source, unit.index, code.step))
                    code.store(value, code.along(target, unit.index, code.step))


def _arrange(code: Code, plan: Plan) -> None:
    """@arrange: gathers features and targets; places: the table's line for each lane, i32."""
    arguments = ["ptr %table", "ptr %places", "i64 %count", "ptr %data"]
    used = plan.features + plan.targets
    with code.function("arrange", arguments, internal=False), code.loop("0", "%count") as loop:
        lines = code.put(
            f"load {code.integers}, ptr {code.along('%places', loop.index, code.step)}, align 4"
        )
        starts = code.lanewise("mul", lines, used)
        record = code.along("%data", loop.index, plan.record * code.step)
        with code.loop("0", str(used)) as entry:
            column = code.along("%table", entry.index, 4)
            code.store(code.gather(column, starts), code.along(record, entry.index, code.step))
