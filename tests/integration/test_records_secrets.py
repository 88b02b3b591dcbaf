"""A run that is given secrets: no file of the project shows one, and the run still works."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SECRETS = {"port": "hunter2-hunter2", "variable": "xyzzy-plugh-42"}
CODE = """
import os
import sys
from lamina.workflow.telling import tell

def use(token: str, site: str, fails: bool) -> int:
    code = os.environ["SITE_CODE"]
    print("given", token, code, site)
    print(repr(token).encode(), file=sys.stderr)
    tell(note=f"with {token}", **{code: 1})
    if fails:
        raise ValueError(f"no {token} and {code} at https://me:{site}@host")
    return len(token)
"""
WORKFLOW = """
lamina: workflow/1
name: secretive
inputs: {key: str, site_password: str, fails: {type: bool, default: false}}
tasks:
  use:
    do: python
    function: "use.py:use"
    secrets: [token, SITE_CODE]
    in: {token: key, site: site_password, fails: fails}
outputs: {count: use}
"""


def lamina(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "SITE_CODE": SECRETS["variable"]}
    return subprocess.run(
        [sys.executable, "-m", "lamina", *words],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_no_file_of_the_project_shows_a_secret(tmp_path: Path) -> None:
    (tmp_path / "use.py").write_text(CODE)
    (tmp_path / "w.yaml").write_text(WORKFLOW)
    given = ("-q", "-p", f"key={SECRETS['port']}", "-p", "site_password=look-alike-9")
    done = lamina(tmp_path, "run", "w.yaml", *given)
    assert (done.returncode, "15" in done.stdout) == (0, True), done.stderr
    failed = lamina(tmp_path, "run", "w.yaml", *given, "-p", "fails=true")
    assert (failed.returncode, "ValueError: no *** and ***" in failed.stderr) == (1, True)
    for text in SECRETS.values():
        assert text not in failed.stderr + done.stdout
    for file in (tmp_path / ".lamina").rglob("*"):
        # An input whose name looks secret is hidden in the records, not in what tasks print.
        hidden = [*SECRETS.values(), *(["look-alike-9"] if "records" in file.name else [])]
        content = file.read_bytes() if file.is_file() else b""
        assert not [text for text in hidden if text.encode() in content], file
    reused = lamina(tmp_path, "run", "w.yaml", *given)
    assert "1 reused" in reused.stdout
    resumed = lamina(tmp_path, "resume", failed.stderr.split()[-1])
    assert (resumed.returncode, "given a secret as 'key'" in resumed.stderr) == (2, True)


WRITTEN = """
lamina: workflow/1
name: written
inputs: {url: {type: str, default: "https://me:URLSECRET1@host/?token=URLSECRET2"}}
tasks:
  get:
    do: command
    argv: [sh, -c, "echo $API_KEY $0; exit 3", "--password=ARGSECRET1", "{url}"]
    environment: {API_KEY: ENVSECRET1}
    takes: {url: str}
    in: {url: url}
    stdout: page
outputs: {page: get.page}
"""


def test_secrets_that_stand_in_the_document_are_in_no_file_of_the_project(tmp_path: Path) -> None:
    (tmp_path / "w.yaml").write_text(WRITTEN)
    failed = lamina(tmp_path, "run", "w.yaml", "-q")
    assert (failed.returncode, "SECRET" in failed.stderr) == (1, False), failed.stderr
    lamina(tmp_path, "report", "-o", "report.html")
    (tmp_path / "w.yaml").unlink()
    for file in tmp_path.rglob("*"):
        if file.is_file() and file.parent.name != "work":  # what the program itself wrote
            assert b"SECRET" not in file.read_bytes(), file
    resumed = lamina(tmp_path, "resume")
    assert resumed.returncode == 2
    assert "holds a secret, and no record of it is kept" in resumed.stderr
    assert "run the workflow again: what is finished is reused" in resumed.stderr
