"""Workflow Run RO-Crates: read back with the community's libraries."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from lamina.errors import UsageError
from lamina.records.exports.base import Artifacts
from lamina.records.exports.rocrate import CrateExporter
from lamina.testing.exporters import KINDS, GivenArtifacts, made

REPORT = """
import sys
from runcrate.report import dump_crate_actions
for crate in sys.argv[1:]:
    dump_crate_actions(crate)
    print(chr(12))
"""
"""What `runcrate report CRATE` does; the command itself imports all that runcrate can convert."""


VALIDATE = """
import json, sys
from urllib.parse import urljoin

from rdflib.plugins.shared.jsonld import context
from rocrate_validator.utils import http

CONTEXTS = json.loads(open(sys.argv[1]).read())
context.Context._fetch_context = lambda self, name, base, seen: CONTEXTS[urljoin(base or "", name)]

class Response:
    status_code, headers = 200, {"Content-Type": "application/ld+json"}

    def __init__(self, url):
        self._url = url

    def json(self):
        return CONTEXTS[self._url]

class Offline:
    initialize_cache = staticmethod(lambda *told, **more: None)

    def get(self, url, **told):
        return Response(url)

    head = get

http.HttpRequester = Offline
from rocrate_validator import models, services

for profile, crate in zip(sys.argv[2::2], sys.argv[3::2]):
    settings = services.ValidationSettings(
        rocrate_uri=crate, profile_identifier=profile, abort_on_first=False,
        requirement_severity=models.Severity.REQUIRED, skip_availability_check=True,
    )
    found = services.validate(settings).get_issues()
    print(json.dumps([f"{one.check.identifier}: {one.message}" for one in found]))
"""
"""What `rocrate-validator validate` does, without a network: the contexts come from a file."""

CONTEXTS = Path(__file__).parents[2] / "golden" / "crate-contexts.json"
"""The terms that crates use, as the contexts of RO-Crate 1.1 and of workflow runs (both CC0) map
them."""


def written(kind: str, folder: Path, artifacts: Artifacts | None = None) -> dict[str, Any]:
    """The entities of a crate by their ids."""
    CrateExporter().export(made(kind), folder, artifacts or GivenArtifacts())
    graph = json.loads((folder / "ro-crate-metadata.json").read_text("utf-8"))["@graph"]
    found = {entity["@id"]: entity for entity in graph}
    assert len(found) == len(graph)
    return found


def references(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for one in value:
            yield from references(one)
    elif isinstance(value, dict):
        yield value["@id"]


@pytest.mark.parametrize("kind", KINDS)
def test_references_lead_to_entities_and_files_lie_in_the_crate(kind: str, tmp_path: Path) -> None:
    folder = tmp_path / "crate"
    found = written(kind, folder)
    for entity in found.values():
        for key, value in entity.items():
            if key.startswith("@") or not isinstance(value, list | dict):
                continue
            for name in references(value):
                assert name in found or name == "https://w3id.org/ro/crate/1.1", (key, name)
    for part in references(found["./"]["hasPart"]):
        path = folder / part
        assert path.exists(), part
        if path.is_file():
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            assert found[part]["sha256"] == digest
            assert found[part]["contentSize"] == str(path.stat().st_size)


@pytest.mark.parametrize("kind", KINDS)
def test_profiles_are_followed(kind: str, tmp_path: Path) -> None:
    found = written(kind, tmp_path / "crate")
    root = found["./"]
    assert {"name", "description", "datePublished", "license"} <= root.keys()
    taken = kind not in ("all_reused", "empty")
    for profile in ("process", "workflow", *(["provenance"] if taken else [])):
        assert {"@id": f"https://w3id.org/ro/wfrun/{profile}/0.5"} in root["conformsTo"]
    main = found[root["mainEntity"]["@id"]]
    assert {"File", "SoftwareSourceCode", "ComputationalWorkflow", "HowTo"} == set(main["@type"])
    kinds = {name: entity["@type"] for name, entity in found.items()}
    engines = [e for e in found.values() if e["@type"] == "OrganizeAction"]
    assert len(engines) == int(taken)
    controls = {e["@id"]: e for e in found.values() if e["@type"] == "ControlAction"}
    for engine in engines:
        assert set(references(engine["object"])) == controls.keys()
        assert found[engine["result"]["@id"]]["instrument"] == root["mainEntity"]
    for control in controls.values():
        assert kinds[control["instrument"]["@id"]] == "HowToStep"
        assert all(kinds[name] == "CreateAction" for name in references(control["object"]))
    steps = [e for e in found.values() if e["@type"] == "HowToStep"]
    assert all(entity["workExample"]["@id"] in found for entity in steps)
    actions = [e for e in found.values() if e["@type"] == "CreateAction"]
    assert {e["@id"] for e in actions} == set(references(root["mentions"]))
    for entity in found.values():
        if entity["@type"] == "FormalParameter":
            assert entity["additionalType"]


def test_statuses_and_errors_are_told(tmp_path: Path) -> None:
    found = written("failed", tmp_path / "crate")
    broken = found["#attempt/count%5B2%5D~1"]
    assert broken["actionStatus"] == "http://schema.org/FailedActionStatus"
    assert broken["error"].startswith("its own error")
    good = found["#attempt/split~1"]
    assert good["actionStatus"] == "http://schema.org/CompletedActionStatus"
    assert "error" not in good
    assert good["startTime"] < good["endTime"]
    assert not [name for name in found if name.startswith("#control/join")]


def test_a_workflow_inside_is_a_workflow_and_its_run_an_action(tmp_path: Path) -> None:
    found = written("nested", tmp_path / "crate")
    assert "ComputationalWorkflow" in found["#task/each"]["@type"]
    assert "File" not in found["#task/each"]["@type"]
    assert {"@id": "#task/each/clean"} in found["#task/each"]["hasPart"]
    assert found["#inside/each%5B1%5D"]["instrument"] == {"@id": "#task/each"}
    assert found["#step/each/measure"]["position"] > found["#step/each/clean"]["position"]


def test_steps_stand_in_an_order_that_can_be_run(tmp_path: Path) -> None:
    found = written("scatter", tmp_path / "crate")
    places = [int(found[f"#step/{n}"]["position"]) for n in ("split", "count", "shuffle", "join")]
    assert places == sorted(places)


class NoArtifacts(Artifacts):
    """Nothing but references."""

    def place(self, ref: Mapping[str, Any], target: Path) -> Path | None:
        del ref, target
        return None


def test_values_that_are_not_kept_are_told_by_their_digest(tmp_path: Path) -> None:
    found = written("scatter", tmp_path / "crate", NoArtifacts())
    (name,) = [one for one in references(found[run_of(found)]["object"]) if "sha256" in one]
    assert found[name]["@type"] == "CreativeWork"
    assert len(found[name]["sha256"]) == 64
    assert sorted(path.name for path in (tmp_path / "crate").iterdir()) == [
        "README.md", "ro-crate-metadata.json", "trace.json", "workflow.json",
    ]  # fmt: skip


def run_of(found: Mapping[str, Any]) -> str:
    """The id of the action that is the run."""
    (name,) = [
        n for n, e in found.items() if n.startswith("#run/") and e["@type"] == "CreateAction"
    ]
    return name


def test_inputs_and_outputs_lie_in_folders_of_their_own(tmp_path: Path) -> None:
    found = written("chain", tmp_path / "crate")
    assert (tmp_path / "crate" / "inputs" / "text.txt").is_file()
    assert found["inputs/text.txt"]["@type"] == "File"
    assert "#input/text" in references(found["inputs/text.txt"]["exampleOfWork"])
    assert "inputs/text.txt" in references(found[run_of(found)]["object"])


def test_an_archive_holds_the_same(tmp_path: Path) -> None:
    CrateExporter().export(made("chain"), tmp_path / "crate.zip", GivenArtifacts())
    written("chain", tmp_path / "crate")
    with zipfile.ZipFile(tmp_path / "crate.zip") as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    folder = tmp_path / "crate"
    assert files == {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*") if path.is_file()
    }  # fmt: skip


def test_a_folder_that_holds_something_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious", encoding="utf-8")
    with pytest.raises(UsageError, match="not empty"):
        CrateExporter().export(made("chain"), tmp_path, GivenArtifacts())
    assert (tmp_path / "mine.txt").read_text("utf-8") == "precious"


@pytest.mark.parametrize("kind", KINDS)
def test_every_term_is_one_of_the_published_contexts(kind: str, tmp_path: Path) -> None:
    known = {"@id", "@type"}
    for context in json.loads(CONTEXTS.read_text()).values():
        known |= context["@context"].keys()
    for entity in written(kind, tmp_path / "crate").values():
        types = entity["@type"] if isinstance(entity["@type"], list) else [entity["@type"]]
        assert {*entity, *types} <= known


def test_who_ran_it_is_named_by_every_action(tmp_path: Path) -> None:
    found = written("looped", tmp_path / "crate")
    actions = [e for e in found.values() if e["@type"] in ("CreateAction", "OrganizeAction")]
    assert {json.dumps(one.get("agent")) for one in actions} == {'{"@id": "#user/ada"}'}
    assert found["#user/ada"]["@type"] == "Person"
    assert all(one["description"] for one in actions if one["@type"] == "CreateAction")
    assert found["workflow.json"]["version"] == found["workflow.json"]["sha256"][:16]


@pytest.mark.parametrize("kind", KINDS)
def test_rocrate_reads_the_crate(kind: str, tmp_path: Path) -> None:
    library = pytest.importorskip("rocrate.rocrate", reason="no rocrate: pip install 'lamina[dev]'")
    CrateExporter().export(made(kind), tmp_path / "crate", GivenArtifacts())
    crate = library.ROCrate(str(tmp_path / "crate"))
    assert crate.mainEntity.id == "workflow.json"
    assert len(crate.root_dataset["mentions"]) >= 1
    crate.write(tmp_path / "again")
    assert (tmp_path / "again" / "workflow.json").is_file()


def test_runcrate_reports_every_action(tmp_path: Path) -> None:
    python = os.environ.get("LAMINA_RUNCRATE", sys.executable)
    asked = subprocess.run([python, "-c", "import runcrate.report"], capture_output=True)
    if asked.returncode:
        pytest.skip(
            "runcrate is not installed (its pinned dependencies fit no environment of ours: "
            "pip install --no-deps runcrate; LAMINA_RUNCRATE names a Python that has it)"
        )
    crates = {kind: written(kind, tmp_path / kind) for kind in KINDS}
    done = subprocess.run(
        [python, "-c", REPORT, *(str(tmp_path / kind) for kind in KINDS)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    told = done.stdout.split("\f\n")
    for kind, text in zip(KINDS, told, strict=False):
        actions = [e for e in crates[kind].values() if e["@type"] == "CreateAction"]
        assert text.startswith(f"action: {run_of(crates[kind])}\n")
        assert text.count("action: ") == len(actions)
        assert text.count("  step: #step/") == len(actions) - 1


def test_the_validator_of_the_profiles_finds_nothing_that_is_required(tmp_path: Path) -> None:
    python = os.environ.get("LAMINA_ROCRATE_VALIDATOR", sys.executable)
    asked = subprocess.run([python, "-c", "import rocrate_validator"], capture_output=True)
    if asked.returncode:
        pytest.skip(
            "roc-validator is not installed (pip install roc-validator; LAMINA_ROCRATE_VALIDATOR "
            "names a Python that has it)"
        )
    pairs = []
    for kind in KINDS:
        root = written(kind, tmp_path / kind)["./"]
        taken = {"@id": "https://w3id.org/ro/wfrun/provenance/0.5"} in root["conformsTo"]
        profile = f"{'provenance' if taken else 'workflow'}-run-crate-0.5"
        pairs += [profile, str(tmp_path / kind)]
    done = subprocess.run(
        [python, "-c", VALIDATE, str(CONTEXTS), *pairs],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert dict(zip(KINDS, told, strict=True)) == {kind: [] for kind in KINDS}
