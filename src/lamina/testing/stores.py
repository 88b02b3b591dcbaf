"""Conformance of record stores: what a store of any database must keep."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from threading import Thread

from lamina.errors import LaminaError, RunBusyError, StoreError, UnknownNameError, UsageError
from lamina.records.store import Result, RunRecord, Store
from lamina.workflow import log

SECRET = "correct-horse-battery"
DIGEST = "ab" * 32


def check_store(make: Callable[[], Store]) -> None:
    """Holds a store to its contract.

    Events come back as they were given, in order, from any process, while others write; a batch
    is kept whole or not at all, and once however often it is delivered; results, recipes and
    products follow from events; a second writer of a run is refused; no declared secret is kept;
    the database itself refuses to change or delete events.

    Args:
        make: opens one and the same empty store, as often as it is called.

    Raises:
        AssertionError: says what does not hold.
    """
    with_nothing(make())
    writer, reader = make(), make()
    try:
        _runs(writer, reader)
        _events(writer, reader)
        _results(writer, reader)
        _batches(writer, reader)
        _another_writer(writer, make())
        _many_writers(make, reader)
        _secrets(writer, reader)
        _only_appended(writer)
    finally:
        writer.close()
        reader.close()


def _only_appended(store: Store) -> None:
    """Events stay as they were written, whoever asks the database."""
    import sqlalchemy as sa

    from lamina.records.connection import parsed, writable
    from lamina.records.schema import EVENTS

    engine = writable(parsed(store.url))
    try:
        for statement in (EVENTS.update().values(word="noticed"), EVENTS.delete()):
            try:
                with engine.begin() as connection:
                    connection.execute(statement)
            except sa.exc.DBAPIError as error:
                assert "events are kept as they were written" in str(error), f"refused by {error}"
            else:
                raise AssertionError(f"events can be changed: {statement}")
    finally:
        engine.dispose()


def run(identity: str, name: str = "brave-otter", created: float = 1000.0) -> RunRecord:
    """A run for tests."""
    inputs = {"n": {"codec": "json", "digest": DIGEST, "size": 1, "inline": "3"}}
    document = {"name": "words", "tasks": {"count": {}}}
    options = {"threads": 2, "forced": ["count"]}
    return RunRecord(identity, name, "words", document, "/home/me", inputs, options, created)


def story(tasks: int = 2, start: float = 1000.0) -> list[log.Event]:
    """The events of a small run whose tasks all succeed."""
    about = {"host": "here", "pid": 42, "command": "lamina run words.yaml"}
    events: list[log.Event] = [log.RunStarted(start, 1, "words", tasks, about)]
    for number in range(tasks):
        at, name = start + number, f"count[{number}]"
        given = {"text": {"codec": "file", "digest": "cd" * 32, "size": 9, "origin": "/home/me/a"}}
        made = {"sum": {"codec": "arrow", "digest": f"{number:064x}", "size": 9}}
        key, recipe = f"key-{number}", f"{1:064x}"
        events += [
            log.AttemptStarted(at, name, 1, at, key, recipe, {"cpus": 1.0}, (), given, "forced"),
            log.AttemptProgressed(at + 0.1, name, 1, {"epoch": 3, "loss": 0.25}),
            log.AttemptEnded(at + 0.2, name, 1, "succeeded", "w0", "here", 43, outputs=made),
        ]
    events.append(log.Counted(start + tasks, {"success": tasks}))
    events.append(log.RunFinished(start + tasks, "succeeded", {"sum": {"digest": DIGEST}}))
    return events


def with_nothing(store: Store) -> None:
    """A store that nothing was written to is empty, and says so in words."""
    assert store.runs() == [], "a new store has runs"
    assert store.results(["key-0"]) == {}, "a new store has results"
    assert store.recipes([DIGEST]) == {}, "a new store has recipes"
    assert list(store.events("00" * 5)) == [], "a new store has events"
    error = _refused(lambda: store.find("last"), UsageError)
    assert error.way_out, "an empty store is told without a way out"
    store.close()


def _runs(writer: Store, reader: Store) -> None:
    first, second = run("00000000a1"), run("00000000b2", created=2000.0)
    assert writer.create(first) == first, "a run is not kept as it is"
    kept = writer.create(second)
    assert kept == replace(second, name="brave-otter-2"), f"a taken name is kept: {kept.name}"
    assert writer.create(run("0000000bcd", "still-oak", 500.0)).name == "still-oak"
    assert [each.id for each in reader.runs()] == ["00000000b2", "00000000a1", "0000000bcd"]
    assert [each.id for each in reader.runs(limit=1)] == ["00000000b2"]
    for text in ("last", "brave-otter-2", "00000000b2", "00000000b"):
        assert reader.find(text) == kept, f"{text!r} finds another run"
    assert reader.find("brave-otter") == first
    _refused(lambda: reader.find("0000000"), UsageError)
    unknown = _refused(lambda: reader.find("brave-oter"), UnknownNameError)
    assert "brave-otter" in unknown.way_out, f"no near name is told: {unknown.way_out}"
    _refused(lambda: writer.append("ffffffffff", story()), StoreError)


def _events(writer: Store, reader: Store) -> None:
    events = story()
    writer.append("00000000a1", [])
    writer.append("00000000a1", events[:3])
    assert reader.find("brave-otter").status == "running"
    live = reader.lives(["00000000a1"])["00000000a1"]
    assert live.running["count[0]"].values == {"epoch": 3, "loss": 0.25}, "live metrics are lost"
    writer.append("00000000a1", events[3:])
    found = list(reader.events("00000000a1"))
    assert [number for number, _ in found] == list(range(1, len(events) + 1)), "numbers have gaps"
    assert [event for _, event in found] == events, "events change on their way"
    assert list(reader.events("00000000a1", after=4)) == found[4:], "`after` is not kept"
    chosen = [event for event in found if isinstance(event[1], log.AttemptEnded)]
    assert list(reader.events("00000000a1", words=["attempt-ended"])) == chosen
    kept = reader.find("brave-otter")
    told = (kept.status, kept.ended, kept.sessions, kept.host, kept.pid)
    assert told == ("succeeded", 1002.0, 1, "here", 42), f"the run stands at {told}"
    live = reader.lives(["00000000a1"])["00000000a1"]
    assert live.counts()["success"] == 2, f"counts are {live.counts()}"
    assert live.running == {}, "a finished run has running tasks"
    assert list(reader.events("00000000b2")) == [], "a run has the events of another one"


def _results(writer: Store, reader: Store) -> None:
    made = {"sum": {"codec": "arrow", "digest": f"{1:064x}", "size": 9}}
    wanted = Result("key-1", made, "00000000a1", "count[1]", f"{1:064x}")
    assert reader.results(["key-1", "nothing"]) == {"key-1": wanted}, "a result is not kept"
    writer.append("00000000b2", story(1))
    assert reader.results(["key-0"])["key-0"].run == "00000000b2", "an older result wins"
    assert reader.producers([f"{0:064x}", DIGEST]) == {
        f"{0:064x}": [("00000000a1", "count[0]", "sum"), ("00000000b2", "count[0]", "sum")]
    }, "products are not kept"
    users = [("00000000a1", f"count[{n}]", "text") for n in (0, 1)]
    found = reader.consumers("cd" * 32)
    assert found == [*users, ("00000000b2", "count[0]", "text")], f"consumers are {found}"
    writer.forget(["key-0", "nothing"])
    assert set(reader.results([f"key-{n}" for n in range(3000)])) == {"key-1"}, "forget forgets not"
    taken = replace(wanted, key="key-9", recipe="r9", touched=True)
    writer.adopt([taken])
    assert reader.results(["key-9"]) == {"key-9": taken}, "a result is not adopted"
    writer.keep({"d1": {"code": "x", "n": [1, 2.5]}})
    writer.keep({"d1": {"code": "x", "n": [1, 2.5]}, "d2": {}})
    assert reader.recipes(["d1", "d2", "d3"]) == {"d1": {"code": "x", "n": [1, 2.5]}, "d2": {}}


def _batches(writer: Store, reader: Store) -> None:
    """A batch that fails is not half there; given again, it is there once."""
    writer.create(run("00000000c3", "calm-fox"))
    events = story()
    writer.append("00000000c3", events[:2])

    class Breaks(str):
        __slots__ = ()

    poisoned = log.Noticed(1.0, Breaks("x"), "", "y")
    object.__setattr__(poisoned, "time", object())  # no database takes it
    try:
        writer.append("00000000c3", [*events[2:4], poisoned])
    except Exception:  # of the driver's choice: it is ours that is tested
        pass
    else:
        raise AssertionError("a value that cannot be kept is passed over")
    assert len(list(reader.events("00000000c3"))) == 2, "half a batch is kept"
    writer.append("00000000c3", events[2:])
    assert [event for _, event in reader.events("00000000c3")] == events
    assert reader.find("calm-fox").status == "succeeded"


def _another_writer(writer: Store, other: Store) -> None:
    writer.create(run("00000000d4", "wise-yew"))
    events = story()
    other.append("00000000d4", events[:1])
    writer.append("00000000d4", events[1:3])
    _refused(lambda: other.append("00000000d4", events[3:4]), RunBusyError)
    other.close()
    # An engine that takes a run over after another one goes on where that one stopped.
    other.append("00000000d4", events[3:])
    assert [event for _, event in other.events("00000000d4")] == events
    assert other.results(["key-0"])["key-0"].run == "00000000d4", "a key of before is lost"
    other.close()


def _many_writers(make: Callable[[], Store], reader: Store) -> None:
    def write(number: int) -> None:
        store = make()
        store.create(run(f"{number:010x}", "many-runs"))
        events = story(20)
        for start in range(0, len(events), 3):
            store.append(f"{number:010x}", events[start : start + 3])
        store.close()

    writers = [Thread(target=write, args=(number,)) for number in range(0xE0, 0xE4)]
    for each in writers:
        each.start()
    for each in writers:
        each.join()
    for number in range(0xE0, 0xE4):
        found = [event for _, event in reader.events(f"{number:010x}")]
        assert found == story(20), "writers at the same time lose events"
    names = {each.name for each in reader.runs() if each.name.startswith("many")}
    assert len(names) == 4, f"names are given twice: {names}"


def _secrets(writer: Store, reader: Store) -> None:
    writer.protect([SECRET])
    ref = {"codec": "json", "digest": DIGEST, "size": 23, "inline": f'"{SECRET}"'}
    told = {"text": f"say {SECRET}", SECRET: [f"x{SECRET}x"]}
    writer.create(replace(run("00000000f6", "gentle-elm"), inputs={"p": ref}, options=told))
    events: Sequence[log.Event] = [
        log.RunStarted(1.0, 1, "words", 1, told),
        log.AttemptStarted(1.0, "a", 1, 1.0, "key-s", inputs={"p": ref}, reason=f"was {SECRET}"),
        log.AttemptProgressed(1.0, "a", 1, told),
        log.AttemptEnded(1.0, "a", 1, "succeeded", outputs={"p": ref}),
        log.AttemptEnded(1.0, "b", 1, "failed", error={"cause": SECRET, "last": [SECRET]}),
        log.Noticed(1.0, "staging retried", "a", f"https://me:{SECRET}@host"),
    ]
    writer.append("00000000f6", events)
    writer.keep({"d7": told})
    kept = [repr(event) for event in reader.events("00000000f6")]
    kept += [repr(reader.find("gentle-elm")), repr(reader.recipes(["d7"]))]
    assert not [text for text in kept if SECRET in text], "a declared secret is kept"
    assert reader.results(["key-s"]) == {}, "a result whose value is hidden stands in for a task"


def _refused(act: Callable[[], object], kind: type[LaminaError]) -> LaminaError:
    try:
        act()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__} is raised")
