"""Streams that cannot show every sign, or are closed."""

from __future__ import annotations

import io
import os
import subprocess
import sys

import pytest

from lamina.cli.streams import PLAIN, harmless, make_forgiving, note, out
from lamina.errors import LaminaError


def stream(encoding: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding=encoding, newline="")


def test_signs_that_an_encoding_lacks_are_written_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = stream("ascii")
    monkeypatch.setattr(sys, "stdout", plain)
    make_forgiving()
    out("● 0.9 ± 0.1 → ∞")
    plain.flush()
    assert plain.buffer.getvalue() == b"* 0.9 +- 0.1 -> ?\n"  # type: ignore[attr-defined]


def test_signs_that_an_encoding_has_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    western = stream("latin-1")
    monkeypatch.setattr(sys, "stderr", western)
    make_forgiving()
    note("0.9 ± 0.1 →")
    western.flush()
    assert western.buffer.getvalue() == "0.9 ± 0.1 ->\n".encode("latin-1")  # type: ignore[attr-defined]


def test_every_plain_sign_is_ascii() -> None:
    assert all(sign.isascii() for sign in PLAIN.values())


def command(line: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        ["sh", "-c", line.replace("lamina", f"{sys.executable} -m lamina")],
        capture_output=True, timeout=60, check=False, env={**os.environ, **environment},
    )  # fmt: skip


def test_a_drawing_degrades_where_output_is_ascii() -> None:
    drawn = command("lamina graph papers-1", PYTHONIOENCODING="ascii")
    assert drawn.returncode == 0
    assert b"*  Linear l1   18 parameters  <- x (5)" in drawn.stdout


def test_a_reader_that_goes_away_is_no_error() -> None:
    ran = command("lamina data list | head -1")
    assert (ran.returncode, ran.stderr) == (0, b"")


@pytest.mark.parametrize("line", ["lamina graph papers-1 >&-", "lamina graph papers-1 2>&-"])
def test_a_closed_stream_is_no_error(line: str) -> None:
    ran = command(line)
    assert (ran.returncode, ran.stderr) == (0, b"")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")  # noqa: PTH110
def test_output_that_cannot_be_written_is_an_error_in_our_words() -> None:
    ran = command("lamina graph papers-1 >/dev/full")
    assert ran.returncode == 2
    assert ran.stderr.startswith(b"error: ")
    assert b"Traceback" not in ran.stderr


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain \t text\nof two lines, \u00fc", "plain \t text\nof two lines, \u00fc"),
        ("\x1b[1;31mred\x1b[0m", "\x1b[1;31mred\x1b[0m"),
        ("\x1b[8mleft open", "\x1b[8mleft open\x1b[0m"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("\x1b]52;c;ZWNobw==\x1b\\", "\\x1b]52;c;ZWNobw==\\x1b\\"),
        ("\x1b[2J\x1b[1;1H", "\\x1b[2J\\x1b[1;1H"),
        ("\x9b2J\x90q\x7f\x00", "\\x9b2J\\x90q\\x7f\\x00"),
        ("true\rfalse", "true\\x0dfalse"),
    ],
)
def test_what_could_steer_a_terminal_is_spelled_out(text: str, shown: str) -> None:
    assert harmless(text) == shown
    assert harmless("10 %\r20 %", "\r") == "10 %\r20 %"


def test_errors_and_notes_never_steer_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    note(LaminaError("boom \x1b]0;title\x07"))
    assert capsys.readouterr().err == "boom \\x1b]0;title\\x07\n"


def test_on_a_terminal_results_are_harmless_too(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = stream("utf-8")
    monkeypatch.setattr(plain, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys, "stdout", plain)
    out("log \x1b]52;c;ZWNobw==\x07 and \x1b[32mgreen")
    plain.flush()
    written = plain.buffer.getvalue()  # type: ignore[attr-defined]
    assert written == b"log \\x1b]52;c;ZWNobw==\\x07 and \x1b[32mgreen\x1b[0m\n"
