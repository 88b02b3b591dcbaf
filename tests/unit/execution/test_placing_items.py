"""Items of a placed job: handed out from both ends, none lost, none counted twice."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from lamina.execution.placing.items import Basket, Item
from lamina.planning.placement.words import Pace


def basket(count: int) -> Basket:
    return Basket([Item(str(n), value=n) for n in range(count)])


def ids(items: list[Item]) -> list[str]:
    return [item.id for item in items]


def rows(items: list[Item], at: float = 1.0) -> list[dict[str, Any]]:
    return [{"id": item.id, "value": item.value, "at": at} for item in items]


def test_who_stands_ready_takes_from_the_head_and_others_from_the_tail() -> None:
    one = basket(10)
    one.join(1, "edge", head=True, shared=True)
    one.join(2, "gpu1", head=False, shared=True)
    assert ids(one.take(1, 2)) == ["0", "1"]
    assert ids(one.take(2, 3)) == ["9", "8", "7"]


def test_the_first_result_of_an_item_counts_and_the_second_does_not() -> None:
    one = basket(1)
    one.join(1, "edge", True, True)
    one.join(2, "gpu1", False, True)
    first, second = one.take(1, 1), one.take(2, 1)
    assert ids(first) == ids(second) == ["0"]
    assert one.put(1, [{"id": "0", "value": "mine", "at": 1.0}])
    assert not one.put(2, [{"id": "0", "value": "late", "at": 0.5}])
    assert one.results() == {"0": {"value": "mine"}}
    assert {n: share.items for n, share in one.shares().items()} == {1: 1}
    assert one.repeated == 1


def test_a_result_that_is_delivered_twice_counts_once() -> None:
    one = basket(4)
    one.join(1, "edge", True, True)
    had = one.take(1, 2)
    one.put(1, rows(had))
    one.put(1, rows(had))
    assert one.progress() == {"edge": 2.0}
    assert one.repeated == 2


def test_paces_are_of_all_who_work_whether_they_share_or_race() -> None:
    for shared in (True, False):
        one = basket(9)
        one.join(1, "edge", True, shared)
        one.join(2, "gpu1", False, shared)
        for at in (0.5, 2.5, 3.0):
            one.put(1, rows(one.take(1, 1), at))
        one.take(2, 1)
        assert one.paces() == {"edge": Pace(3, 0.5, 3.0)}
        one.put(2, rows(one.take(2, 1), 7.0))
        one.leave(1)
        assert one.paces() == {"gpu1": Pace(1, 7.0, 7.0)}


def test_what_another_one_has_in_hand_is_taken_over_from_its_far_end() -> None:
    one = basket(6)
    one.join(1, "edge", True, True)
    one.join(2, "gpu1", False, True)
    assert ids(one.take(1, 6)) == ["0", "1", "2", "3", "4", "5"]
    assert ids(one.take(2, 2)) == ["5", "4"]
    assert ids(one.take(2, 9)) == ["3", "2"]


def test_what_a_lost_attempt_had_in_hand_is_done_by_others_and_what_it_did_stays() -> None:
    one = basket(6)
    one.join(1, "edge", True, True)
    one.join(2, "gpu1", False, True)
    had = one.take(2, 4)
    one.put(2, rows(had[:1]))
    one.leave(2)
    one.put(1, rows(one.take(1, 6)))
    assert one.over
    assert one.progress() == {"edge": 5.0, "gpu1": 1.0}


def test_a_result_after_the_end_of_its_attempt_does_not_count() -> None:
    one = basket(2)
    one.join(1, "edge", True, True)
    had = one.take(1, 1)
    one.leave(1)
    one.put(1, rows(had))
    assert one.results() == {}


def test_who_does_all_alone_is_not_helped_and_the_first_of_them_wins() -> None:
    one = basket(2)
    one.join(1, "edge", True, shared=False)
    one.join(2, "gpu1", False, shared=False)
    for number in (1, 2):
        assert ids(one.take(number, 9)) == ["0", "1"]
    one.put(1, rows(one.items[:1]))  # type: ignore[arg-type]
    assert not one.over
    assert one.put(2, rows(list(one.items), at=3.0))
    assert {n: (s.items, s.seconds) for n, s in one.shares().items()} == {2: (2, 3.0)}


def test_a_result_of_an_unknown_item_is_passed_over() -> None:
    one = basket(1)
    one.join(1, "edge", True, True)
    one.put(1, [{"id": "another", "value": 1, "at": 0.0}])
    assert one.results() == {}


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 30), st.lists(st.tuples(st.integers(1, 4), st.integers(0, 3)), max_size=80))
def test_however_it_goes_each_item_counts_once(count: int, moves: list[tuple[int, int]]) -> None:
    one = basket(count)
    hands: dict[int, list[Item]] = {}
    for number in range(1, 5):
        one.join(number, f"r{number}", head=number % 2 == 0, shared=True)
    left: set[int] = set()
    for number, move in moves:
        hand = hands.setdefault(number, [])
        if move == 3 and len(left) < 3:
            one.leave(number)
            left.add(number)
        elif move:
            hand += one.take(number, move)
        elif hand:
            one.put(number, rows([hand.pop(0)]))
    stayed = next(number for number in range(1, 5) if number not in left)
    hands.setdefault(stayed, [])
    while not one.over:
        hands[stayed] += one.take(stayed, 3)
        assert hands[stayed]
        one.put(stayed, rows([hands[stayed].pop(0)]))
    assert set(one.results()) == {item.id for item in one.items}
    assert sum(share.items for share in one.shares().values()) == count
