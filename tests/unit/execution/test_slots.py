"""Places: cores, memory and devices given and taken back, never twice."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lamina.execution.runtimes.base import Capacity
from lamina.execution.slots import Share, Slots
from lamina.workflow.needs import Needs

needs = st.builds(
    Needs,
    st.sampled_from([0.0, 0.3, 1.0, 2.0, 4.0]),
    st.sampled_from([None, 10, 60]),
    st.sampled_from([0.0, 0.25, 1 / 3, 0.5, 1.0, 2.0]),
)


@given(st.lists(st.tuples(needs, st.booleans()), max_size=60))
def test_no_more_is_given_than_there_is(steps: list[tuple[Needs, bool]]) -> None:
    capacity = Capacity(4.0, 100, ("0", "1"))
    slots = Slots(capacity)
    held: list[Share] = []
    for wanted, back in steps:
        if back and held:
            slots.give(held.pop(0))
        share = slots.take(wanted)
        if share is not None:
            assert len(share.gpus) == (0 if not wanted.gpus else max(1, round(wanted.gpus)))
            held.append(share)
        assert sum(one.cpus for one in held) <= capacity.cpus + 1e-6
        assert sum(one.memory for one in held) <= capacity.memory
        for gpu in capacity.gpus:
            assert sum(one.part for one in held if gpu in one.gpus) <= 1 + 1e-6
    for share in held:
        slots.give(share)
    assert slots.take(Needs(4.0, 100, 2.0)) == Share(4.0, 100, ("0", "1"))


def test_three_thirds_share_a_device_and_fractions_fill_one_before_the_next() -> None:
    slots = Slots(Capacity(9.0, 1, ("a", "b")))
    thirds = [slots.take(Needs(gpus=1 / 3)) for _ in range(3)]
    assert [share.gpus for share in thirds if share] == [("a",)] * 3
    whole = slots.take(Needs(gpus=1.0))
    assert whole is not None and whole.gpus == ("b",)
    assert slots.take(Needs(gpus=0.25)) is None


def test_more_cores_and_memory_than_there_are_mean_all_of_them() -> None:
    slots = Slots(Capacity(2.0, 100))
    assert slots.fitted(Needs(16.0, 500)) == Needs(2.0, 100)
    same = Needs(1.0, 50)
    assert slots.fitted(same) is same


def test_devices_that_do_not_exist_are_said() -> None:
    assert Slots(Capacity(2.0, 1)).impossible(Needs(gpus=0.5)) == (
        "it needs 0.5 GPU and there is none"
    )
    assert Slots(Capacity(2.0, 1, ("0",))).impossible(Needs(gpus=2)) == (
        "it needs 2 GPUs and there is 1"
    )
    assert not Slots(Capacity(2.0, 1, ("0",))).impossible(Needs(gpus=1))


def test_tasks_that_hardly_compute_have_a_bound_too() -> None:
    slots = Slots(Capacity(1.0, 1))
    assert sum(slots.take(Needs(0.0)) is not None for _ in range(100)) == 32
