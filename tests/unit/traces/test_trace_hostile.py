"""Files that were made to harm: no entity is expanded, no object made, nothing recurses forever."""

from __future__ import annotations

import json
import sqlite3
import time
from pathlib import Path

import pytest

from lamina.errors import TraceError
from lamina.workspace.traces import one_trace

TRACES = Path(__file__).resolve().parents[2] / "golden" / "traces"


def refused(name: str, data: str, folder: Path) -> TraceError:
    place = folder / name
    place.write_text(data)
    begun = time.monotonic()
    with pytest.raises(TraceError) as caught:
        one_trace(str(place))
    assert time.monotonic() - begun < 10
    assert caught.value.file == str(place)
    return caught.value


LOL = "".join(f"<!ENTITY l{n} '{f'&l{n - 1};' * 10}'>" for n in range(1, 10))


def test_entities_of_xml_are_refused(tmp_path: Path) -> None:
    good = (TRACES / "kickstart.out").read_text()
    inside = good.replace("<cwd>", f"<!DOCTYPE x [<!ENTITY l0 'lol'>{LOL}]><cwd>&l9;")
    assert refused("inside.out", inside, tmp_path).line > 1
    used = good.replace("/scratch", "&l9;")
    assert "entity" in refused("used.out", used, tmp_path).reason


def test_a_document_type_before_the_record_is_never_seen(tmp_path: Path) -> None:
    good = (TRACES / "kickstart.out").read_text()
    place = tmp_path / "before.out"
    declared = f"?>\n<!DOCTYPE invocation [<!ENTITY l0 'lol'>{LOL}]>\n<invocation"
    place.write_text(good.replace("?>\n<invocation", declared, 1))
    assert one_trace(str(place)).attempts[0].exit == 0


def test_tags_and_anchors_of_yaml_are_text(tmp_path: Path) -> None:
    good = (TRACES / "kickstart.yml").read_text()
    place = tmp_path / "objects.yml"
    place.write_text(
        good.replace(
            "hostname: worker-1", "hostname: !!python/object/apply:os.system ['exit 7']"
        ).replace("cwd: /scratch", "cwd: &a [*a, *a]")
    )
    assert one_trace(str(place)).attempts[0].host.startswith("!!python/object")


@pytest.mark.parametrize("opened", ["[", '{"a":'])
def test_json_that_is_nested_too_deeply_is_refused(opened: str, tmp_path: Path) -> None:
    text = '{"schemaVersion": "1.5", "workflow": {"tasks": ' + opened * 200_000
    assert refused("deep.json", text, tmp_path).reason


def test_numbers_of_thousands_of_digits_are_refused(tmp_path: Path) -> None:
    text = (TRACES / "wfformat-1.5.json").read_text()
    assert refused("big.json", text.replace("90.5", "9" * 5000), tmp_path)


def test_tasks_that_wait_for_each_other_are_refused_with_their_line(tmp_path: Path) -> None:
    document = json.loads((TRACES / "wfformat-1.5.json").read_text())
    tasks = document["workflow"]["specification"]["tasks"]
    tasks[0]["parents"] = [tasks[-1]["id"]]
    error = refused("circle.json", json.dumps(document, indent=1), tmp_path)
    assert "circle" in error.reason
    assert error.line > 1


def test_a_view_that_never_ends_is_stopped(tmp_path: Path) -> None:
    place = tmp_path / "endless.db"
    place.write_bytes((TRACES / "parsl.db").read_bytes())
    base = sqlite3.connect(place)
    base.executescript(
        "CREATE TABLE IF NOT EXISTS kept AS SELECT * FROM workflow; DROP TABLE workflow;"
        "CREATE VIEW workflow AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n)"
        "SELECT x AS run_id FROM n;"
    )
    base.close()
    with pytest.raises(TraceError, match="no trace"):
        one_trace(str(place))


def test_damaged_pages_of_a_database_are_said_to_be_so(tmp_path: Path) -> None:
    place = tmp_path / "monitoring.db"
    data = bytearray((TRACES / "parsl.db").read_bytes())
    data[4096:] = bytes(len(data) - 4096)
    place.write_bytes(bytes(data))
    with pytest.raises(TraceError, match="damaged"):
        one_trace(str(place))


def test_texts_of_a_database_that_are_no_utf_8_are_escaped_and_no_row_is_lost(
    tmp_path: Path,
) -> None:
    from lamina.benchmark.made_traces import made_trace

    place = made_trace("stampede", tmp_path, 400)
    with sqlite3.connect(place) as base:
        base.execute("UPDATE jobstate SET reason = CAST(x'ff' AS TEXT) WHERE job_instance_id = 300")
    found = one_trace(str(place))
    assert len(found.attempts) == 400
    assert {len(one.phases) for one in found.attempts} == {4}
