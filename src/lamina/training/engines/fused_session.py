"""A program on the fused kernel: members in memory, threads, checkpoints of the state."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from lamina.errors import CheckpointError
from lamina.nets.initial import Weights
from lamina.training.engines.base import Session, State
from lamina.training.engines.fused_data import Arrangement, Rows, aligned, evaluation
from lamina.training.engines.fused_kernel import kernel
from lamina.training.engines.fused_kernel.build import Machine, machine
from lamina.training.engines.fused_kernel.plan import HYPER, ROW, Plan
from lamina.training.program import Member, Program

WORK_PER_CALL = 4e10
"""Operations per call of the kernel: about half a second, so that an interruption is heard."""

WORK_PER_TRIAL = 4e8
"""The same until it is known which way of sharing threads is faster, and WORK_PER_TURN then."""

WORK_PER_TURN = 2e9

_POINTER, _COUNT = ctypes.c_void_p, ctypes.c_int64
FUNCTIONS = {
    "work": (_POINTER, _COUNT, _POINTER, _POINTER, _POINTER),
    "share": (_POINTER, _POINTER, _POINTER, _COUNT, _COUNT, _POINTER, _POINTER),
    "predict": (_POINTER, _COUNT, _POINTER, _POINTER, _POINTER),
    "arrange": (_POINTER, _POINTER, _COUNT, _POINTER),
}


def compiled(plan: Plan) -> Machine:
    """The machine code of a plan, compiled at most once per machine."""
    return machine(repr(plan), lambda: kernel.write(plan), FUNCTIONS)


class Pace:
    """Finds out whether threads are faster together on a member or each on its own.

    Together they are as fast as the slowest: on a machine with other work, one that waits for
    a core holds up all. Both ways give the same numbers, so the choice is free; the slower
    way is tried again now and then.
    """

    RETRY = 25

    def __init__(self) -> None:
        self._seconds: dict[bool, float] = {}
        self._calls = 0

    @property
    def settled(self) -> bool:
        """Whether both ways have been timed."""
        return len(self._seconds) == 2

    def together(self) -> bool:
        """The way to go this time."""
        self._calls += 1
        if not self.settled:
            return True not in self._seconds
        best = self._seconds[True] <= self._seconds[False]
        return best if self._calls % self.RETRY else not best

    def record(self, together: bool, seconds: float) -> None:
        """What a way took this time, per epoch."""
        self._seconds[together] = seconds


class FusedSession(Session):
    """One program on the CPU.

    Members are trained whole, each by one thread; those that are left over when the threads
    are shared out, and are large enough, by all threads together. The numbers do not depend
    on the number of threads, bit for bit.

    Args:
        program: what to train.
        plan: of the kernel.
        threads: of the CPU, from 1 on.
    """

    def __init__(self, program: Program, plan: Plan, threads: int) -> None:
        self._program = program
        self._plan = plan
        self._machine = compiled(plan)
        self.compile_seconds = self._machine.seconds
        self._threads = max(1, threads)
        self._epoch = 0
        gather = self._machine.functions["arrange"]
        self._arrangements = [Arrangement(program, p, plan, gather) for p in program.portions]
        self._rows = self._first_rows()
        count, width = len(program.members), plan.padded
        self._parameters = aligned((count, width)).view(np.float32)
        self._first = aligned((count, width)).view(np.float32)
        self._second = aligned((count, width)).view(np.float32)
        self._powers = np.ones((count, 2), dtype=np.float64)
        self._numbers = np.array([_numbers(m) for m in program.members], dtype=np.float32)
        self._rates = np.array([m.settings.learning_rates() for m in program.members])
        for place, member in enumerate(program.members):
            self._put(place, program.start_weights(member))
        space = -(-plan.memory["end"] // 4096) * 4096 + 256
        self._space = aligned((self._threads + 1, space), np.uint8)
        self._gate = aligned((2, 16), np.int64).view(np.int64)
        self._evaluated: dict[tuple[int, str], Rows] = {}
        self._pool = ThreadPoolExecutor(self._threads) if self._threads > 1 else None
        self._pace = Pace()
        self.form = self._form()

    def advance(self, epochs: int, active: NDArray[np.bool_]) -> NDArray[np.float64]:
        """See Session.advance."""
        losses = np.full((epochs, len(self._program.members)), np.nan)
        chosen = [int(i) for i in np.flatnonzero(active)]
        done = 0
        while done < epochs:
            turn = min(epochs - done, self._epochs_per_call(len(chosen)))
            if chosen:
                losses[done : done + turn, chosen] = self._run(turn, chosen)
            self._epoch += turn
            done += turn
        return losses

    def outputs(self, part: str) -> list[NDArray[np.float32]]:
        """See Session.outputs."""
        found = []
        plan = self._plan
        for place, member in enumerate(self._program.members):
            rows = self._evaluation_rows(member.portion, part)
            vectors = len(rows.records)
            out = aligned((vectors, plan.width, plan.lanes)).view(np.float32)
            self._machine.functions["predict"](
                rows.address,
                vectors,
                self._parameters[place].ctypes.data,
                self._space[0].ctypes.data,
                out.ctypes.data,
            )
            flat = out.transpose(0, 2, 1).reshape(-1, plan.width)[: rows.count]
            found.append(np.ascontiguousarray(flat))
        return found

    def weights(self) -> list[Weights]:
        """See Session.weights."""
        shapes = self._program.network.parameters()
        found = []
        for flat in self._parameters:
            weights: Weights = {}
            start = 0
            for name, shape in shapes.items():
                count = int(np.prod(shape))
                weights[name] = flat[start : start + count].reshape(shape).copy()
                start += count
            found.append(weights)
        return found

    def state(self) -> State:
        """See Session.state."""
        return {
            "epoch": np.array(self._epoch, dtype=np.int64),
            **{name: array.copy() for name, array in self._arrays().items()},
        }

    def restore(self, state: State) -> None:
        """See Session.restore."""
        arrays = self._arrays()
        for name, array in {**arrays, "epoch": np.array(0, dtype=np.int64)}.items():
            found = state.get(name)
            if found is None or found.shape != array.shape or found.dtype != array.dtype:
                raise CheckpointError(
                    f"the checkpoint's array {name!r} does not fit this training on 'fused'",
                    "resume with the network, plan and engine that wrote it",
                )
        for name, array in arrays.items():
            array[...] = state[name]
        self._epoch = int(state["epoch"])

    def _arrays(self) -> dict[str, NDArray[np.generic]]:
        return {
            "parameters": self._parameters,
            "first": self._first,
            "second": self._second,
            "powers": self._powers,
        }

    def _form(self) -> str:
        together = self._shared(len(self._program.members))
        if self._pool is None:
            return "one by one, 1 thread"
        if together == len(self._program.members):
            return f"one by one, {self._threads} threads on each"
        return f"members in parallel, {self._threads} threads"

    def _put(self, place: int, weights: Weights) -> None:
        flat = np.concatenate([weights[n].ravel() for n in self._program.network.parameters()])
        self._parameters[place, : len(flat)] = flat

    def _first_rows(self) -> list[Rows]:
        """Rows by portion, or by member when each has its own order per epoch."""
        members = self._program.members
        if members[0].settings.shuffle == "epoch":
            return [self._arrangements[m.portion].packed() for m in members]
        rows = [arrangement.packed() for arrangement in self._arrangements]
        for arrangement in self._arrangements:
            arrangement.forget()
        return rows

    def _shared(self, members: int) -> int:
        """How many of the members all threads train together."""
        cut = max(arrangement.most_slices for arrangement in self._arrangements)
        return members % self._threads if cut >= self._threads > 1 else 0

    def _epochs_per_call(self, members: int) -> int:
        if self._program.members[0].settings.shuffle == "epoch":
            return 1
        rows = max(len(p.train) for p in self._program.portions)
        work = max(1, members) * rows * self._plan.operations
        bound = WORK_PER_CALL
        if self._shared(members):
            bound = WORK_PER_TURN if self._pace.settled else WORK_PER_TRIAL
        return max(1, int(bound / work))

    def _run(self, epochs: int, chosen: list[int]) -> NDArray[np.float64]:
        """Some epochs of some members in one go; losses (epochs, chosen)."""
        by_member = self._program.members[0].settings.shuffle == "epoch"
        losses = np.zeros((len(chosen), epochs))
        known = np.minimum(np.arange(self._epoch, self._epoch + epochs), self._rates.shape[1] - 1)
        rates = np.ascontiguousarray(self._rates[:, known])
        table = np.zeros((len(chosen), len(ROW)), dtype=np.int64)
        for line, place in enumerate(chosen):
            member = self._program.members[place]
            arrangement = self._arrangements[member.portion]
            rows = self._rows[place if by_member else member.portion]
            if by_member:
                order = self._program.epoch_order(member, self._epoch)
                arrangement.packed(order, rows)
            table[line] = (
                rows.address,
                arrangement.batches.ctypes.data,
                self._parameters[place].ctypes.data,
                self._first[place].ctypes.data,
                self._second[place].ctypes.data,
                self._powers[place].ctypes.data,
                self._numbers[place].ctypes.data,
                rates[place].ctypes.data,
                losses[line].ctypes.data,
                epochs,
                len(arrangement.batches),
            )
        self._train(table, epochs)
        return losses.T

    def _train(self, table: NDArray[np.int64], epochs: int) -> None:
        """Shares the members out: whole ones, then those that all threads train together."""
        shared = self._shared(len(table))
        together = shared > 0 and self._pace.together()
        whole = len(table) - shared if together else len(table)
        start = perf_counter()
        if whole:
            self._train_whole(table[:whole])
        for row in table[whole:]:
            self._train_together(row)
        if shared:
            self._pace.record(together, (perf_counter() - start) / epochs)

    def _train_whole(self, table: NDArray[np.int64]) -> None:
        counter = np.zeros(1, dtype=np.int64)
        offset = self._plan.memory["sums"]

        def work(thread: int) -> None:
            space = self._space[thread].ctypes.data
            self._machine.functions["work"](
                table.ctypes.data, len(table), counter.ctypes.data, space, space + offset
            )

        self._everywhere(work, min(self._threads, len(table)))

    def _train_together(self, row: NDArray[np.int64]) -> None:
        self._gate[:] = 0
        shared = self._space[self._threads].ctypes.data

        def share(thread: int) -> None:
            self._machine.functions["share"](
                row.ctypes.data,
                self._space[thread].ctypes.data,
                shared,
                thread,
                self._threads,
                self._gate.ctypes.data,
                _give_way(),
            )

        self._everywhere(share, self._threads)

    def _everywhere(self, task: Callable[[int], None], threads: int) -> None:
        """Runs a task in the threads, and waits for all."""
        if self._pool is None or threads == 1:
            task(0)
            return
        try:
            for future in [self._pool.submit(task, thread) for thread in range(threads)]:
                future.result()
        except BaseException:
            # An interruption may leave threads at the gate for one that never starts.
            self._gate[:] = 2**62
            raise

    def _evaluation_rows(self, portion: int, part: str) -> Rows:
        key = (portion, part)
        if key not in self._evaluated:
            chosen = self._program.portions[portion]
            features = self._program.prepared(chosen, part).astype(np.float32, copy=False)
            self._evaluated[key] = evaluation(features, self._plan)
        return self._evaluated[key]


def _numbers(member: Member) -> list[float]:
    settings = member.settings
    values = {
        "momentum": settings.momentum,
        "look_ahead": settings.momentum if settings.nesterov else -1.0,
        "decay": settings.weight_decay,
        "beta1": settings.beta1,
        "beta2": settings.beta2,
        "epsilon": settings.epsilon,
        "clip": settings.clip_norm,
        "delta": settings.huber_delta,
    }
    return [values[name] for name in HYPER]


def _give_way() -> int:
    """Address of the system's call that gives the core to another thread."""
    if sys.platform == "win32":
        function = ctypes.windll.kernel32.SwitchToThread
    else:
        function = ctypes.CDLL(None).sched_yield
    return ctypes.cast(function, ctypes.c_void_p).value or 0
