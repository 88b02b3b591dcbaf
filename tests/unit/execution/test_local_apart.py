"""Tasks that share a worker do not feel each other: each finds what a new process would have."""

from __future__ import annotations

import gc
import locale
import os
import random
import resource
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from attempts_by_hand import Hands

from lamina.execution.runtimes.local import LocalRuntime
from lamina.workflow.actions.python import PythonAction
from lamina.workflow.graph import Task
from lamina.workflow.ports import Port


@pytest.fixture
def hands(tmp_path: Path) -> Iterator[Hands]:
    found = Hands(tmp_path)
    yield found
    found.runtime.close()


def look() -> dict[str, Any]:
    """What a task finds."""
    mask = os.umask(0o022)
    os.umask(mask)
    return {
        "pid": os.getpid(),
        "folder": os.getcwd(),  # noqa: PTH109
        "mask": mask,
        "variables": sorted(os.environ.items()),
        "zone": time.tzname[0],
        "path": list(sys.path),
        "handlers": [str(signal.getsignal(n)) for n in (signal.SIGTERM, signal.SIGALRM)],
        "blocked": [str(number) for number in signal.pthread_sigmask(signal.SIG_BLOCK, ())],
        "alarm": signal.getitimer(signal.ITIMER_REAL)[0],
        "files": resource.getrlimit(resource.RLIMIT_NOFILE),
        "cores": sorted(os.sched_getaffinity(0)),
        "depth": sys.getrecursionlimit(),
        "collects": [gc.isenabled(), *gc.get_threshold()],
        "filters": [str(one) for one in warnings.filters],
        "language": locale.setlocale(locale.LC_ALL),
        "floats": np.geterr(),
    }


def goes() -> None:
    os.chdir("/")


def masks() -> None:
    os.umask(0o777)


def sets_variables() -> None:
    os.environ["LAMINA_LEFT"] = "here"
    os.environ["TZ"] = "Asia/Tokyo"
    time.tzset()
    del os.environ["PATH"]


def adds_a_path() -> None:
    sys.path.insert(0, "/nowhere")


def hears_no_signal() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})


def sets_an_alarm() -> None:
    signal.signal(signal.SIGALRM, lambda *_: None)
    signal.setitimer(signal.ITIMER_REAL, 30.0, 30.0)


def lowers_a_limit() -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (40, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def changes_python() -> None:
    sys.setrecursionlimit(200)
    gc.disable()
    gc.set_threshold(1, 1, 1)
    warnings.simplefilter("error")
    locale.setlocale(locale.LC_ALL, "C")
    np.seterr(all="raise")


CHANGES: list[Callable[[], None]] = [
    goes, masks, sets_variables, adds_a_path, hears_no_signal, sets_an_alarm, lowers_a_limit,
    changes_python,
]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_what_a_task_changes_is_put_back(hands: Hands, change: Callable[[], None]) -> None:
    before = hands.result(look)
    assert hands.do(change).status == "succeeded"
    assert hands.result(look) == before, "in the same worker, everything as it was"


def test_what_a_failing_task_changes_is_put_back_too(hands: Hands) -> None:
    def fails() -> None:
        os.chdir("/")
        raise ValueError("no")

    before = hands.result(look)
    assert hands.do(fails).status == "failed"
    assert hands.result(look) == before


def says() -> int:
    print("here")  # noqa: T201
    return os.getpid()


@pytest.mark.parametrize("how", ["replaced", "closed", "shut"])
def test_what_is_printed_after_a_task_took_the_output_still_arrives(hands: Hands, how: str) -> None:
    def takes_it(how: str) -> int:
        if how == "replaced":
            sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123
        elif how == "closed":
            sys.stdout.close()
        else:
            os.close(1)
        return os.getpid()

    first = hands.result(takes_it, how=how)
    assignment = hands.start(says)
    second = hands.value(hands.ended(assignment))
    assert (assignment.folder / "stdout.txt").read_text() == "here\n"
    assert (second != first) == (how == "shut"), "only a closed descriptor costs the worker"


def test_threads_that_go_on_end_with_their_worker(hands: Hands) -> None:
    def leaves(daemon: bool) -> int:
        def talks() -> None:
            while True:
                time.sleep(0.01)
                print("still here", flush=True)  # noqa: T201

        threading.Thread(target=talks, daemon=daemon).start()
        return os.getpid()

    def waits() -> int:
        time.sleep(0.2)
        return os.getpid()

    for daemon in (True, False):
        first = hands.result(leaves, daemon=daemon)
        assignment = hands.start(waits)
        assert hands.value(hands.ended(assignment)) != first
        assert not (assignment.folder / "stdout.txt").exists()


def test_threads_that_have_ended_cost_nothing(hands: Hands) -> None:
    def uses() -> int:
        thread = threading.Thread(target=time.sleep, args=(0.003,))
        thread.start()
        return os.getpid()

    assert hands.result(uses) == hands.result(uses)


def draw() -> list[float]:
    return [random.random(), float(np.random.random())]


def seeded_draw() -> list[float]:
    random.seed(7)
    np.random.seed(7)
    return draw()


def test_a_seed_is_for_the_task_that_sets_it(hands: Hands) -> None:
    seeded, free = hands.result(seeded_draw), hands.result(draw)
    again, other = hands.result(seeded_draw), hands.result(draw)
    assert seeded == again
    assert all(a != b for a, b in zip(free, other, strict=True))


def in_file(folder: Path, name: str, code: str) -> Task:
    """The task `f` of a file."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(code, encoding="utf-8")
    return Task(name[:-3], PythonAction(f"{name}:f", folder), (), (Port("result", "any"),))


def test_a_seed_of_a_file_is_for_each_task_of_it_alone(hands: Hands, tmp_path: Path) -> None:
    draws = "def f():\n    return [random.random(), float(np.random.random())]\n"
    head = "import random\nimport numpy as np\n"
    seeded = in_file(
        tmp_path / "a", "seeded.py", f"{head}random.seed(3)\nnp.random.seed(3)\n{draws}"
    )
    free = in_file(tmp_path / "a", "free.py", head + draws)
    found = [hands.result(one) for one in (seeded, free, seeded, free)]
    assert found[0] == found[2]
    assert all(a != b for a, b in zip(found[1], found[3], strict=True))


def test_neighbours_of_one_name_in_two_folders_are_two(hands: Hands, tmp_path: Path) -> None:
    code = "import os\nimport helper\ndef f():\n    return [helper.NAME, os.getpid()]\n"
    tasks = []
    for name in ("one", "two"):
        tasks.append(in_file(tmp_path / name, "tasks.py", code))
        (tmp_path / name / "helper.py").write_text(f"NAME = {name!r}\n", encoding="utf-8")
    found = [hands.result(one) for one in (*tasks, *tasks)]
    assert [name for name, _ in found] == ["one", "two", "one", "two"]
    assert [pid for _, pid in found[:2]] == [pid for _, pid in found[2:]], "both stay warm"


def test_a_neighbour_can_be_imported_when_it_is_needed(hands: Hands, tmp_path: Path) -> None:
    made = in_file(
        tmp_path / "one", "tasks.py", "def f():\n    import late\n    return late.NAME\n"
    )
    (tmp_path / "one" / "late.py").write_text("NAME = 'late'\n", encoding="utf-8")
    assert hands.result(made) == "late"


def test_what_a_file_sets_while_it_is_imported_stays_with_it(hands: Hands, tmp_path: Path) -> None:
    code = (
        "import os\nos.environ['FROM_FILE'] = 'yes'\ndef f():\n    return os.environ['FROM_FILE']\n"
    )
    made = in_file(tmp_path / "one", "tasks.py", code)
    assert [hands.result(made) for _ in range(3)] == ["yes"] * 3


def test_putting_back_is_quick(hands: Hands) -> None:
    from lamina.execution.workers.leftovers import Surroundings

    around = Surroundings()
    around.note()
    best = min(_seconds(around) for _ in range(200))
    assert best < 0.0005
    assert isinstance(hands.runtime, LocalRuntime)


def _seconds(around: Any) -> float:
    begin = time.perf_counter()
    around.note()
    assert around.restore()
    return time.perf_counter() - begin
