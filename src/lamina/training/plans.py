"""Plans: which rows train and test, with which settings and how often; composed, frozen."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from lamina.errors import SettingsError
from lamina.training.settings import Settings

SPLITS = ("holdout", "kfold", "all")

Sweep = Mapping[str, Any] | Iterable[Mapping[str, Any]]
"""A grid, name -> values; or a list of sets, each name -> value."""

SettingSet = tuple[tuple[str, Any], ...]
"""Settings that one entry of a sweep changes: ((name, value), ...)."""

_FORMS = (
    "holdout, holdout:0.3, kfold:5, kfold:5x3, all, allx3; "
    "each may go on with +restarts:3, +ensemble:5"
)
_PART = re.compile(r"(?P<name>[a-z]+?)(?::(?P<number>[0-9.]+))?(?:x(?P<times>[0-9]+))?$")


@dataclass(frozen=True)
class Plan:
    """What is trained on which rows; composes with every engine and device.

    Args:
        split: "holdout", "kfold", or "all" (every row trains, none tests).
        test: share of the rows that a holdout keeps for the test.
        folds: of kfold.
        repeats: how often the split is made anew, from another seed.
        sets: settings changed by each entry of a sweep; one empty entry for no sweep.
        restarts: trainings from different initial weights, of which the best by validation
            loss (training loss without validation rows) counts; never chosen by test rows.
        ensemble: networks whose outputs are averaged.
        only: folds of kfold to train, from 0; empty for all. Each is trained as it would be
            among the others.

    Raises:
        SettingsError: all mistakes at once.
    """

    split: str = "holdout"
    test: float = 0.2
    folds: int = 5
    repeats: int = 1
    sets: tuple[SettingSet, ...] = ((),)
    restarts: int = 1
    ensemble: int = 1
    only: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        counts = {"repeats": self.repeats, "restarts": self.restarts, "ensemble": self.ensemble}
        mistakes = [
            f"{name} = {count!r}: a whole number from 1"
            for name, count in counts.items()
            if not isinstance(count, int) or isinstance(count, bool) or count < 1
        ]
        if self.split not in SPLITS:
            mistakes.append(f"split = {self.split!r}: choose from {', '.join(SPLITS)}")
        if not isinstance(self.folds, int) or self.folds < 2:
            mistakes.append(f"folds = {self.folds!r}: a whole number from 2")
        if not 0 < self.test < 1:
            mistakes.append(f"test = {self.test!r}: a share between 0 and 1")
        if self.only and not set(self.only) <= set(range(self.folds)):
            numbers = ", ".join(str(number + 1) for number in self.only)
            mistakes.append(f"folds {numbers}: there are {self.folds}, from 1")
        if not self.sets:
            mistakes.append("sets is empty: a sweep has at least one set")
        if mistakes:
            raise SettingsError("the plan does not hold", mistakes, f"plans: {_FORMS}")

    @classmethod
    def parse(
        cls,
        text: str,
        sweep: Sweep | None = None,
    ) -> Plan:
        """A plan from its text: "holdout:0.3", "kfold:5x3", "kfold:5+restarts:3".

        Args:
            text: split[:number][xrepeats] and, after plus signs, restarts:N and ensemble:N.
            sweep: a grid (name -> values; all combinations) or a list of sets.

        Raises:
            SettingsError: a text that cannot be read; shows the forms.
        """
        mistakes: list[str] = []
        values: dict[str, Any] = {}
        for place, part in enumerate(str(text).strip().lower().split("+")):
            found = _PART.match(part.strip())
            known = SPLITS if place == 0 else ("restarts", "ensemble")
            if not found or found["name"] not in known:
                mistakes.append(f"{part!r} in {text!r}: choose from {', '.join(known)}")
                continue
            values.update(_part_values(found, mistakes))
        if mistakes:
            raise SettingsError("the plan cannot be read", mistakes, f"plans: {_FORMS}")
        return cls(**values, sets=sweep_sets(sweep))

    def __str__(self) -> str:
        number = {"holdout": f":{self.test:g}", "kfold": f":{self.folds}", "all": ""}[self.split]
        text = self.split + number + (f"x{self.repeats}" if self.repeats > 1 else "")
        for name in ("restarts", "ensemble"):
            count = getattr(self, name)
            text += f"+{name}:{count}" if count > 1 else ""
        return text

    @property
    def trainings(self) -> int:
        """Number of networks that the plan trains."""
        splits = (len(self.only) or self.folds) if self.split == "kfold" else 1
        return splits * self.repeats * len(self.sets) * self.restarts * self.ensemble

    def to_document(self) -> dict[str, Any]:
        """Plain values: the text and the sweep."""
        return {"plan": str(self), "sets": [dict(chosen) for chosen in self.sets]}

    def settings_of(self, base: Settings) -> tuple[Settings, ...]:
        """The complete settings of each set.

        Raises:
            SettingsError: unknown names and values that do not hold, of all sets at once.
        """
        known = {f.name for f in fields(Settings)}
        found, mistakes = [], []
        for chosen in self.sets:
            unknown = [name for name, _ in chosen if name not in known]
            if unknown:
                mistakes += [f"unknown setting {name!r} in a sweep" for name in unknown]
                continue
            try:
                found.append(base.changed(**dict(chosen)))
            except SettingsError as error:
                mistakes += [f"set {set_label(chosen)}: {mistake}" for mistake in error.mistakes]
        if mistakes:
            way_out = f"known settings: {', '.join(sorted(known))}"
            raise SettingsError("the sweep does not hold", list(dict.fromkeys(mistakes)), way_out)
        return tuple(found)


def sweep_sets(
    sweep: Sweep | None,
) -> tuple[SettingSet, ...]:
    """The sets of a sweep.

    Args:
        sweep: a grid, name -> values, of which all combinations are taken (the last name
            changes fastest); or a list of sets, each a mapping name -> value.
    """
    if not sweep:
        return ((),)
    if isinstance(sweep, Mapping):
        single = [k for k, v in sweep.items() if isinstance(v, str) or not isinstance(v, Iterable)]
        if single:
            mistakes = [f"{name} = {sweep[name]!r}: a list of values" for name in single]
            raise SettingsError("the sweep does not hold", mistakes)
        return tuple(
            tuple(zip(sweep, values, strict=True)) for values in itertools.product(*sweep.values())
        )
    return tuple(tuple(chosen.items()) for chosen in sweep)


PAPERS_SETS: tuple[SettingSet, ...] = sweep_sets(
    [
        {"learning_rate": 0.1, "momentum": 0.9},
        {"learning_rate": 0.01, "momentum": 0.9},
        {"learning_rate": 0.01, "momentum": 0.1},
        {"learning_rate": 0.1, "momentum": 0.1},
    ]
)
"""The four hyper-parameter sets of the Deep-Learning-as-a-Workflow papers."""


def set_label(chosen: SettingSet) -> str:
    """A set in words: "learning_rate 0.1, momentum 0.9"."""
    return ", ".join(f"{name} {value}" for name, value in chosen)


def as_plan(plan: Plan | str) -> Plan:
    """A plan from a plan or its text."""
    return plan if isinstance(plan, Plan) else Plan.parse(plan)


def _part_values(found: re.Match[str], mistakes: list[str]) -> dict[str, Any]:
    name, number, times = found["name"], found["number"], found["times"]
    values: dict[str, Any] = {} if name in ("restarts", "ensemble") else {"split": name}
    if times is not None and not values:
        mistakes.append(f"{found.group()!r}: only the split is repeated: kfold:5x3")
    elif times is not None:
        values["repeats"] = int(times)
    field = {"holdout": "test", "kfold": "folds", "all": ""}.get(name, name)
    if number is None:
        if name in ("restarts", "ensemble"):
            mistakes.append(f"{name} needs a number: {name}:3")
        return values
    try:
        values[field] = float(number) if field == "test" else int(number)
    except ValueError:
        mistakes.append(f"{found.group()!r}: {number!r} is no number that {name} can take")
        return {}
    if not field:
        mistakes.append(f"{found.group()!r}: the plan all takes no number")
        return {}
    return values
