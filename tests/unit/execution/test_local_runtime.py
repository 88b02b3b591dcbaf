"""Functions in workers: values in and out, phases, use, errors, logs, metrics, devices."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from attempts_by_hand import Hands
from numpy.typing import NDArray

from lamina.data.artifacts.reference import Ref
from lamina.execution.runtimes.base import Began, Told
from lamina.workflow import expand, task, workflow
from lamina.workflow.needs import Care, Needs
from lamina.workflow.telling import current, tell


@pytest.fixture(scope="module")
def hands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hands]:
    """A warm runtime for the whole file."""
    found = Hands(tmp_path_factory.mktemp("local"))
    yield found
    found.runtime.close()


def add(x: int, y: int = 10) -> int:
    return x + y


def pid_and_file() -> list[str]:
    return [str(os.getpid()), __file__]


def environment(name: str) -> str:
    return os.environ.get(name, "unset")


def fails(x: int) -> int:
    print("before it failed")  # noqa: T201
    print("my password=hunter2hunter2", file=sys.stderr)  # noqa: T201
    raise ValueError(f"no {x} here")


def test_a_function_runs_in_another_process(hands: Hands) -> None:
    pid, file = hands.result(pid_and_file)
    assert int(pid) != os.getpid()
    assert file == __file__


def test_values_come_in_and_go_out_as_references(hands: Hands) -> None:
    ended = hands.do(add, x=1, y=2)
    assert hands.value(ended) == 3
    assert isinstance(ended.outputs["result"], Ref)
    assert hands.result(add, x=1) == 11


def test_arrays_and_files_go_through_the_store(hands: Hands, tmp_path: Path) -> None:
    def doubled(a: NDArray[Any], path: Path) -> NDArray[Any]:
        return a * float(path.read_text())

    (tmp_path / "by.txt").write_text("2")
    found = hands.result(doubled, a=np.arange(300_000.0), path=tmp_path / "by.txt")
    assert np.array_equal(found, 2 * np.arange(300_000.0))


def test_a_worker_says_who_it_is_and_when_each_phase_was(hands: Hands) -> None:
    before = time.monotonic()
    assignment = hands.start(add, x=1)
    ended, began = hands.ended(assignment), hands.began(assignment)
    assert began.worker.startswith("local-")
    assert began.pid not in (0, os.getpid())
    order = [ended.phases[name] for name in ("stage_in", "run", "stage_out")]
    times = [before, *(point for phase in order for point in phase), ended.time]
    assert times == sorted(times)
    assert before <= began.time <= ended.time


def test_use_is_measured_per_attempt(hands: Hands) -> None:
    def busy(size: int, seconds: float) -> int:
        held = bytearray(os.urandom(1024)) * (size // 1024)
        end = time.process_time() + seconds
        while time.process_time() < end:
            pass
        Path(os.devnull).write_bytes(b"x" * 5_000_000)
        return len(held)

    large = hands.do(busy, size=200 * 2**20, seconds=0.1).usage
    small = hands.do(busy, size=1024, seconds=0.0).usage
    assert large["cpu"] >= 0.1
    assert small["cpu"] < 0.1
    assert large["memory_peak"] > 200 * 2**20
    assert small["memory_peak"] < 150 * 2**20
    assert large["bytes_written"] >= 5_000_000


def test_a_worker_is_used_again_and_a_fresh_one_is_not(hands: Hands) -> None:
    def pid() -> int:
        return os.getpid()

    assert hands.result(pid) == hands.result(pid)
    fresh = hands.task(pid, Care(fresh=True))
    found = {hands.result(fresh) for _ in range(4)}
    assert len(found) == 4
    assert hands.result(pid) not in found


def test_a_process_of_its_own_ends_as_the_code_wished(hands: Hands, tmp_path: Path) -> None:
    def wishes(note: str) -> None:
        import atexit

        atexit.register(lambda: Path(note).write_text("goodbye"))

    note = tmp_path / "note"
    assert hands.do(hands.task(wishes, Care(fresh=True)), note=str(note)).status == "succeeded"
    deadline = time.monotonic() + 10
    while not (note.exists() and note.read_text()) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert note.read_text() == "goodbye"


def test_what_nobody_prints_makes_no_folder(hands: Hands) -> None:
    assignment = hands.start(add, x=1)
    assert not hands.ended(assignment).logged
    assert not assignment.folder.exists()


def test_what_is_printed_lies_in_the_folder_of_its_attempt(hands: Hands) -> None:
    def says(word: str) -> None:
        print(word)  # noqa: T201
        os.write(2, f"{word} from below\n".encode())
        os.system(f"echo {word} of a child")

    for word in ("one", "two"):
        assignment = hands.start(says, word=word)
        assert hands.ended(assignment).logged
        printed = (assignment.folder / "stdout.txt").read_text()
        assert sorted(printed.splitlines()) == [word, f"{word} of a child"]
        assert (assignment.folder / "stderr.txt").read_text() == f"{word} from below\n"
        assert json.loads((assignment.folder / "meta.json").read_text())["status"] == "succeeded"


def test_an_error_is_told_with_the_users_frames_and_the_last_words(hands: Hands) -> None:
    assignment = hands.start(fails, x=7)
    ended = hands.ended(assignment)
    assert ended.status == "failed"
    assert ended.error["cause"] == "ValueError: no 7 here"
    assert ended.error["kind"] == "ValueError"
    assert "in fails" in ended.error["details"]
    assert "lamina/execution" not in ended.error["details"]
    assert "test_local_runtime.py" in ended.error["way_out"]
    assert ended.error["last"] == ["my password=***"]
    assert (assignment.folder / "stdout.txt").read_text() == "before it failed\n"
    assert "hunter2" not in (assignment.folder / "stderr.txt").read_text()
    files = {file.name for file in assignment.folder.iterdir()}
    assert {"command", "environment.json", "meta.json", "run.sh"} <= files


def test_secrets_of_the_task_are_masked_everywhere(
    hands: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    def leaks(code: str) -> None:
        print(f"the code is {code}")  # noqa: T201
        raise RuntimeError(f"cannot use {code}")

    monkeypatch.setenv("QUIET_THING", "another-one")
    leaky = hands.task(leaks, Care(secrets=("code", "QUIET_THING")))
    assignment = hands.start(leaky, code="open-sesame")
    ended = hands.ended(assignment)
    assert "sesame" not in json.dumps(dict(ended.error))
    for file in assignment.folder.iterdir():
        assert "sesame" not in file.read_text(), file
        assert "another-one" not in file.read_text(), file


def test_leaving_the_interpreter_is_a_failure_of_the_task(hands: Hands) -> None:
    def leaves(how: str) -> None:
        if how == "exit":
            sys.exit("enough")
        if how == "at once":
            os._exit(3)
        os.kill(os.getpid(), signal.SIGSEGV)

    assert hands.do(leaves, how="exit").error["cause"] == "SystemExit: enough"
    at_once = hands.do(leaves, how="at once")
    assert (at_once.status, at_once.exit) == ("failed", 3)
    crashed = hands.do(leaves, how="crash")
    assert (crashed.status, crashed.exit) == ("failed", -signal.SIGSEGV)
    assert "SIGSEGV" in crashed.error["cause"]


def test_a_memory_error_is_a_lack_of_memory(hands: Hands) -> None:
    def greedy() -> None:
        raise MemoryError

    assert hands.do(greedy).status == "memory"


def test_closures_and_lambdas_travel(hands: Hands) -> None:
    by = 5
    assert hands.result(task(lambda x: x * by), x=3) == 15


def test_a_function_that_cannot_travel_says_so(hands: Hands) -> None:
    lock = __import__("threading").Lock()
    ended = hands.do(lambda: lock.locked())
    assert ended.status == "failed"
    assert "cannot be sent to a worker" in ended.error["cause"]


def test_values_of_the_wrong_type_are_named(hands: Hands) -> None:
    def wrong(x: int) -> int:
        return "text"  # type: ignore[return-value]

    ended = hands.do(wrong, x=1)
    assert "its output 'result' needs int; it gets str 'text'" in ended.error["cause"]
    ended = hands.do(wrong, x=hands.artifacts.put("one"))
    assert "port 'x' needs int; it gets str 'one'" in ended.error["cause"]


def test_a_damaged_input_is_reported_by_its_digest(hands: Hands) -> None:
    ref = hands.artifacts.put(np.arange(100_000))
    for file in hands.artifacts.folder.rglob(f"*{ref.digest[2:]}*"):
        file.chmod(0o600)
        file.write_bytes(b"damaged" * 1000)

    def reads(a: NDArray[Any]) -> int:
        return len(a)

    ended = hands.do(reads, a=ref)
    assert ended.status == "lost"
    assert list(ended.notices) == [("artifact damaged", ref.digest)]


def test_metrics_are_told_and_a_tight_loop_does_not_flood(hands: Hands) -> None:
    def trains() -> None:
        for epoch in range(100_000):
            tell(epoch=epoch, loss=np.float32(1.0) / (epoch + 1))
        tell(odd=object(), nan=float("nan"))

    assignment = hands.start(trains)
    ended = hands.ended(assignment)
    assert ended.status == "succeeded"
    told = [r for r in hands.seen if isinstance(r, Told) and r.ticket == assignment.ticket]
    seconds = ended.phases["run"][1] - ended.phases["run"][0]
    assert 2 <= len(told) <= seconds / 0.05 + 3
    epochs = next(r.values["epoch"] for r in reversed(told) if "epoch" in r.values)
    assert (epochs[-1] if isinstance(epochs, list) else epochs) == 99_999


def test_the_first_metric_arrives_while_the_task_runs(hands: Hands) -> None:
    def slow() -> None:
        tell(epoch=1)
        tell(epoch=2)
        time.sleep(30)

    assignment = hands.start(slow)
    deadline = time.monotonic() + 10
    found: list[Any] = []
    while found != [1, 2] and time.monotonic() < deadline:
        for report in hands.runtime.poll(0.2):
            hands.seen.append(report)
            if isinstance(report, Told):
                found.append(report.values["epoch"])
    hands.runtime.cancel(assignment.ticket)
    assert found == [1, 2]
    assert hands.ended(assignment).status == "cancelled"


def test_a_task_finds_its_scratch_folder_and_its_name(hands: Hands) -> None:
    def looks() -> list[Any]:
        attempt = current()
        assert attempt is not None
        (attempt.scratch() / "checkpoint").write_text("x")
        return [attempt.run, attempt.task, attempt.number, attempt.threads]

    assignment = hands.start(looks, needs=Needs(cpus=2))
    ended = hands.ended(assignment)
    assert hands.value(ended) == ["run-1", assignment.name, 1, 2]
    assert (assignment.scratch / "checkpoint").read_text() == "x"


def test_devices_and_threads_are_set_before_the_code_is_there(hands: Hands) -> None:
    found = {
        gpus: hands.result(environment, gpus=gpus, name="CUDA_VISIBLE_DEVICES")
        for gpus in ((), ("1",), ("0", "1"), ("1",))
    }
    assert found == {(): "-1", ("1",): "1", ("0", "1"): "0,1"}
    for cpus in (1.0, 2.0):
        told = hands.result(environment, needs=Needs(cpus=cpus), name="OMP_NUM_THREADS")
        assert told == str(int(cpus))


def test_a_worker_of_other_devices_is_never_used_again(hands: Hands) -> None:
    def pid() -> int:
        return os.getpid()

    first, second = hands.result(pid, gpus=("0",)), hands.result(pid, gpus=("1",))
    assert first != second
    assert hands.result(pid, gpus=("0",)) == first


def test_processes_of_their_own_draw_different_random_numbers(hands: Hands) -> None:
    def draws() -> list[float]:
        import random

        return [float(np.random.random()), random.random()]

    fresh = hands.task(draws, Care(fresh=True))
    first, second = hands.result(fresh), hands.result(fresh)
    assert first[0] != second[0]
    assert first[1] != second[1]


def test_a_task_may_decide_on_further_tasks(hands: Hands) -> None:
    def decides(n: int) -> list[int]:
        with workflow("more") as w:
            w.output("sums", task(add).map(w.input("xs", "list[int]")))
        return expand(w, xs=list(range(n)))  # type: ignore[no-any-return]

    ended = hands.do(decides, n=3)
    assert ended.status == "succeeded", ended.error
    assert ended.expansion is not None
    document, inputs = ended.expansion
    assert isinstance(document, dict)
    assert document["workflow"]["name"] == "more"
    assert hands.artifacts.get(inputs["xs"]) == [0, 1, 2]


def test_a_generator_fills_a_stream_and_a_stream_feeds_an_iterator(hands: Hands) -> None:
    def counts(n: int) -> Iterator[int]:
        yield from range(n)

    def adds(items: Iterator[int]) -> int:
        return sum(items)

    stream = hands.do(counts, n=1000).outputs["result"]
    assert (stream.codec, stream.count) == ("stream", 1000)
    assert hands.result(adds, items=stream) == sum(range(1000))


def test_a_copy_of_the_worker_that_comes_back_sends_nothing(hands: Hands) -> None:
    def forks() -> int:
        os.fork()
        return os.getpid()

    assignment = hands.start(forks)
    assert hands.value(hands.ended(assignment)) == hands.began(assignment).pid
    assert hands.result(add, x=1) == 11


def test_many_at_once_keep_apart(hands: Hands) -> None:
    given = [hands.start(add, x=n) for n in range(40)]
    assert [hands.value(hands.ended(one)) for one in given] == [n + 10 for n in range(40)]
    began = [r for r in hands.seen if isinstance(r, Began)]
    assert len({r.ticket for r in began}) == len(began)


def test_a_library_that_a_task_had_to_load_is_there_in_later_processes(tmp_path: Path) -> None:
    def has(module: str, load: bool) -> bool:
        import importlib
        import sys

        found = module in sys.modules
        if load:
            importlib.import_module(module)
        return found

    hands = Hands(tmp_path, fresh=True)
    try:
        assert not hands.result(has, module="asyncio", load=True)
        assert not hands.result(has, module="numpy", load=True)
        deadline = time.monotonic() + 30
        while not hands.result(has, module="numpy", load=False):
            assert time.monotonic() < deadline
        assert not hands.result(has, module="asyncio", load=False)  # of what nearly all need only
    finally:
        hands.runtime.close()
