"""Pods: real processes behind HTTP, asked rightly, wrongly, twice, and left alone."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest
from placed_pods import FUNCTIONS, LIMITS, a_pod, all_results, recipe, soon, values
from watched_processes import gone

from lamina.errors import UsageError
from lamina.execution.placing.children import Child, Recipe, start
from lamina.execution.placing.pods import Pod, PodError
from lamina.execution.placing.serving import Serving
from lamina.execution.workers.processes import descendants


@pytest.fixture(scope="module")
def child(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Child]:
    with a_pod(tmp_path_factory.mktemp("pods")) as found:
        yield found


@pytest.fixture
def pod(child: Child) -> Iterator[Pod]:
    found = child.pod.anew()
    yield found
    found.close()


def said(child: Child, method: str, path: str, body: bytes | None, **headers: str) -> int:
    """The status of a plain request."""
    parts = urlsplit(child.pod.address)
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    with closing(http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=5)) as line:
        line.request(method, path, body, told)
        return line.getresponse().status


def test_items_come_back_as_results(pod: Pod) -> None:
    pod.prepare("all", {"arguments": {}})
    pod.give("all", 1, values(1, 2, "three"))
    assert [row["value"]["item"] for row in all_results(pod, "all")] == ["1", "2", "three"]


def test_the_same_request_twice_is_done_once(pod: Pod, tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    pod.prepare("twice", {"arguments": {"marks": str(marks)}})
    for _ in range(3):
        pod.give("twice", 1, values("a", "b"))
    assert len(all_results(pod, "twice")) == 2
    assert marks.read_text().split() == ["a", "b"]


def test_one_idempotency_key_cannot_stand_for_two_requests(pod: Pod) -> None:
    pod.prepare("reused", {"arguments": {}})
    pod.give("reused", 1, values("a"))
    with pytest.raises(PodError, match="409"):
        pod.give("reused", 1, values("b"))


def test_an_item_that_raises_costs_no_other(pod: Pod) -> None:
    pod.prepare("bad", {"arguments": {}})
    pod.give("bad", 1, values(1, "bad", 2))
    found = {row["id"]: row for row in all_results(pod, "bad")}
    assert found["bad"]["error"] == "ValueError: a bad one"
    assert {found[name]["value"]["item"] for name in ("1", "2")} == {"1", "2"}


@pytest.mark.parametrize("token", ["", "Bearer wrong", "Basic abc", "Bearer "])
def test_without_the_token_nothing_is_told_or_done(child: Child, token: str) -> None:
    headers = {"Authorization": token} if token else {}
    assert said(child, "GET", "/attempts/x", None, **headers) == 401
    assert said(child, "POST", "/attempts/x", b"{}", Idempotency_Key="k", **headers) == 401
    assert said(child, "DELETE", "/attempts/x", None, **headers) == 401


def test_health_and_readiness_are_told_to_anybody(child: Child) -> None:
    assert said(child, "GET", "/health", None) == said(child, "GET", "/ready", None) == 200


def test_a_wrong_token_is_an_error_that_says_so(child: Child) -> None:
    other = Pod(child.pod.address, "another", child.pod.limits)
    with pytest.raises(PodError, match="401: the token is missing or wrong"):
        other.prepare("x", {})
    other.close()


@pytest.mark.parametrize(
    ("path", "body", "headers", "status"),
    [
        ("/attempts/k", b"{", {"Idempotency_Key": "a"}, 400),
        ("/attempts/k", b"[]", {"Idempotency_Key": "a"}, 400),
        ("/attempts/k", b"{}", {}, 400),
        ("/attempts/", b"{}", {"Idempotency_Key": "a"}, 400),
        ("/elsewhere", b"{}", {"Idempotency_Key": "a"}, 404),
        ("/attempts/k", b'{"lease": "long"}', {"Idempotency_Key": "a"}, 400),
        ("/attempts/k", b"{}", {"Idempotency_Key": "a", "Content_Length": "999999999"}, 413),
    ],
)
def test_a_request_that_is_not_understood_is_answered(
    child: Child, path: str, body: bytes, headers: dict[str, str], status: int
) -> None:
    token = {"Authorization": f"Bearer {child.pod.token}"}
    assert said(child, "POST", path, body, **token, **headers) == status


def test_a_work_that_nobody_asked_for_is_not_there(child: Child) -> None:
    token = {"Authorization": f"Bearer {child.pod.token}"}
    assert said(child, "GET", "/attempts/unheard", None, **token) == 404
    assert said(child, "DELETE", "/attempts/unheard", None, **token) == 404


def test_a_function_that_hangs_is_ended_by_cancelling_and_the_pod_goes_on(pod: Pod) -> None:
    pod.prepare("hung", {"arguments": {}})
    pod.give("hung", 1, values("hang"))
    assert pod.results("hung", 0, 0.2).waiting == 1
    assert pod.cancel("hung")
    pod.prepare("after", {"arguments": {}})
    pod.give("after", 1, values("a"))
    assert len(all_results(pod, "after")) == 1


def test_what_ends_its_own_process_fails_its_work_and_not_the_pod(pod: Pod) -> None:
    pod.prepare("dying", {"arguments": {}})
    pod.give("dying", 1, values("die"))
    with pytest.raises(PodError):
        all_results(pod, "dying")
    pod.prepare("after-it", {})
    pod.give("after-it", 1, values("a"))
    assert len(all_results(pod, "after-it")) == 1


def test_a_warm_up_that_fails_says_why(pod: Pod) -> None:
    with pytest.raises(PodError, match="it stays cold"):
        pod.prepare("cold", {"arguments": {"cold": True}})


def test_results_of_another_number_than_items_are_asked_for_one_by_one(tmp_path: Path) -> None:
    with a_pod(tmp_path, "short") as child:
        child.pod.prepare("k", {})
        child.pod.give("k", 1, values(1, 2, 3))
        assert sorted(row["value"] for row in all_results(child.pod, "k")) == [1, 2, 3]


def test_a_function_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(PodError, match="no function 'nothing'"), a_pod(tmp_path, "nothing"):
        pass


def test_a_work_that_nobody_asks_about_is_ended(pod: Pod) -> None:
    pod.prepare("forgotten", {"arguments": {}, "lease": 0.3})
    pod.give("forgotten", 1, values("hang"))
    time.sleep(0.6)
    with pytest.raises(PodError, match="cancelled"):
        pod.results("forgotten", 0, 0.0)


def test_a_pod_ends_itself_when_its_lease_is_over(tmp_path: Path) -> None:
    with a_pod(tmp_path, lease=0.6) as child:
        inside = descendants(child.pid)
        assert soon(lambda: not child.runs(), 5.0)
        assert inside
        assert all(gone(pid) for pid in inside)


def test_a_pod_that_somebody_waits_for_outlives_its_lease_while_it_loads(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text("import time\ntime.sleep(2)\n\ndef f(xs):\n    return xs\n")
    how = Recipe("slow.py:f", tmp_path, tmp_path / "pods", {}, replace(LIMITS, lease=0.8))
    child = start(how, threading.Event())
    try:
        assert child.pod.ready(5.0) == "ready"
    finally:
        child.end()


def test_a_lease_that_is_renewed_goes_on(tmp_path: Path) -> None:
    with a_pod(tmp_path, lease=0.8) as child:
        for _ in range(8):
            time.sleep(0.2)
            assert child.pod.renew()
        assert child.runs()


def test_a_pod_that_is_killed_leaves_no_process(tmp_path: Path) -> None:
    with a_pod(tmp_path) as child:
        inside = descendants(child.pid)
        os.kill(child.pid, signal.SIGKILL)
        assert inside
        assert all(gone(pid) for pid in inside)
        with pytest.raises(PodError, match="signal 9"):
            child.pod.prepare("k", {})


def test_a_pod_ends_when_its_owner_is_killed(tmp_path: Path) -> None:
    code = (
        "import sys, threading, time\n"
        "from placed_pods import recipe\n"
        "from pathlib import Path\n"
        "from lamina.execution.placing.children import start\n"
        "child = start(recipe(Path(sys.argv[1])), threading.Event())\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    owner = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, cwd=FUNCTIONS.parent
    )
    with owner:
        assert owner.stdout is not None
        pid = int(owner.stdout.readline())
        inside = descendants(pid)
        owner.kill()
        assert inside
        assert all(gone(one) for one in (pid, *inside))


def test_a_served_function_ends_cleanly_when_it_is_told_to(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("abc\n")
    command = [
        sys.executable, "-m", "lamina", "serve-function", f"{FUNCTIONS}:work", "--port", "0",
        "--token-file", str(tmp_path / "token"),
    ]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        pod = Pod(json.loads(process.stdout.readline())["address"], "abc")
        assert soon(lambda: pod.ready(2.0) == "ready")
        inside = descendants(process.pid)
        pod.close()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert inside
        assert all(gone(pid) for pid in inside)


def test_a_function_is_not_served_to_the_world_without_a_token() -> None:
    with pytest.raises(UsageError, match="could be called by anybody"):
        Serving("a:b", host="0.0.0.0")


def test_pods_are_started_with_a_token_of_their_own(tmp_path: Path) -> None:
    with a_pod(tmp_path) as one, a_pod(tmp_path) as other:
        assert one.pod.token != other.pod.token
        assert recipe(tmp_path).environment == {}


class _Gateway(BaseHTTPRequestHandler):
    """Has functions side by side, each below a path of its own."""

    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        body = b'{"state": "ready", "idle": true}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


def test_a_pod_behind_a_gateway_is_asked_below_the_path_of_its_address() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Gateway)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    pod = Pod(f"http://127.0.0.1:{server.server_address[1]}/function/gpu1/")
    try:
        assert pod.ready(5.0) == "ready" and pod.idle()
    finally:
        pod.close()
        server.shutdown()
        server.server_close()
    assert _Gateway.asked == ["/function/gpu1/ready", "/function/gpu1/ready"]


def test_a_pod_answers_where_openfaas_asks_how_it_is(tmp_path: Path) -> None:
    with a_pod(tmp_path) as child:
        for path, key in (("/_/health", "alive"), ("/_/ready", "idle")):
            with urlopen(f"{child.pod.address}{path}", timeout=5) as answer:
                assert json.load(answer)[key] is True
