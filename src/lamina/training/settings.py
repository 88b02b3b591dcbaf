"""Training settings: loss, optimiser, schedule, stopping; frozen and valid at birth."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamina.errors import SettingsError

LOSSES = ("bce", "bce-logits", "cross-entropy", "mse", "l1", "huber")
OPTIMISERS = ("sgd", "adam", "adamw")
SCHEDULES = ("constant", "step", "cosine")
SHUFFLES = ("once", "epoch", "none")


@dataclass(frozen=True)
class Settings:
    """How one network is trained.

    Args:
        epochs: passes over the training rows.
        batches: number of nearly equal batches per epoch (the papers: 6); or
        batch_size: rows per batch (the last one may be smaller); one of the two.
        loss: one of LOSSES; "auto" lets the last layer and the target decide.
            A final Sigmoid (bce) or Softmax (cross-entropy) is folded into the loss, so
            that it is computed from logits.
        optimiser: one of OPTIMISERS.
        learning_rate, momentum, nesterov, weight_decay: SGD in torch's sense: weight decay
            is added to the gradient; for adamw it is decoupled.
        beta1, beta2, epsilon: of adam and adamw.
        schedule: of the learning rate, by epoch; see `learning_rates`.
        step_epochs, step_factor: of the step schedule.
        final_rate: the share of the learning rate at which cosine ends.
        warmup_epochs: linear rise over the first epochs, with any schedule.
        initialisation: of the weights: xavier, kaiming or normal.
        start: "fitted" sets the biases of hidden rectifying units in dense networks so that
            they see the training rows, and begins with a small last layer; "plain" begins
            with biases of zero. See `lamina.nets.initial.fitted_start`.
        huber_delta: where Huber's loss turns linear.
        clip_norm: bound of the gradient's global norm; 0 for none.
        class_weights: weight per class, or "balanced"; empty for none. A batch's loss is the
            weighted mean sum(w*l)/sum(w).
        patience: epochs without a better validation loss before stopping; 0 never stops.
        validation: share of the training rows kept for validation when patience > 0.
        shuffle: "once" (before batches are cut, as in the papers), "epoch", or "none".
        seed: of order, weights, splits and dropout.
        frozen: parts that stay as they begin: weights, and running statistics, by which a frozen
            batch normalisation also normalises while the rest is trained. A part is a layer's
            name, or what stands before a point in several ("features" for "features.0", ...).
        rates: learning rates of parts in place of `learning_rate`, {part: rate}; the schedule
            holds for them, too. Of two parts that hold a layer, the longer name counts.

    Raises:
        SettingsError: all contradictions at once.
    """

    epochs: int = 1000
    batches: int | None = None
    batch_size: int | None = None
    loss: str = "auto"
    optimiser: str = "sgd"
    learning_rate: float = 0.1
    momentum: float = 0.9
    nesterov: bool = False
    weight_decay: float = 0.0
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    schedule: str = "constant"
    step_epochs: int = 100
    step_factor: float = 0.1
    final_rate: float = 0.0
    warmup_epochs: int = 0
    initialisation: str = "xavier"
    start: str = "fitted"
    huber_delta: float = 1.0
    clip_norm: float = 0.0
    class_weights: str | tuple[float, ...] = ()
    patience: int = 0
    validation: float = 0.1
    shuffle: str = "once"
    seed: int = 0
    frozen: tuple[str, ...] = ()
    rates: tuple[tuple[str, float], ...] = ()

    def __post_init__(self) -> None:
        if self.batches is None and self.batch_size is None:
            object.__setattr__(self, "batches", 6)
        weights: Any = self.class_weights
        if isinstance(weights, list):
            object.__setattr__(self, "class_weights", tuple(weights))
        frozen: Any = self.frozen
        if isinstance(frozen, list):
            object.__setattr__(self, "frozen", tuple(frozen))
        rates: Any = self.rates
        if isinstance(rates, Mapping):
            object.__setattr__(self, "rates", tuple(rates.items()))
        mistakes = [*_type_mistakes(self), *_part_mistakes(self)] or [
            *_choice_mistakes(self),
            *_range_mistakes(self),
        ]
        if mistakes:
            raise SettingsError("training settings do not hold", mistakes)

    def learning_rates(self) -> NDArray[np.float64]:
        """The learning rate of each epoch, shape (epochs,)."""
        epoch = np.arange(self.epochs, dtype=np.float64)
        rates = np.full(self.epochs, self.learning_rate)
        if self.schedule == "step":
            rates *= self.step_factor ** (epoch // self.step_epochs)
        if self.schedule == "cosine":
            wave = 0.5 * (1.0 + np.cos(math.pi * epoch / max(1, self.epochs)))
            rates *= self.final_rate + (1.0 - self.final_rate) * wave
        if self.warmup_epochs:
            rates *= np.minimum(1.0, (epoch + 1.0) / self.warmup_epochs)
        return rates

    def bounds(self, rows: int) -> NDArray[np.int64]:
        """Row numbers at which batches begin, and `rows` at the end; shape (batches + 1,)."""
        if self.batch_size is not None:
            starts = np.arange(0, rows, self.batch_size, dtype=np.int64)
        else:
            count = min(self.batches or 1, rows)
            starts = np.array([len_before(rows, count, k) for k in range(count)], dtype=np.int64)
        return np.append(starts, rows)

    def changed(self, **values: Any) -> Settings:
        """The same settings with some values replaced."""
        if "batches" in values and "batch_size" not in values:
            values["batch_size"] = None
        if "batch_size" in values and "batches" not in values:
            values["batches"] = None
        return replace(self, **values)

    def to_document(self) -> dict[str, Any]:
        """Plain values for a document: all fields."""
        document = asdict(self)
        if isinstance(self.class_weights, tuple):
            document["class_weights"] = list(self.class_weights)
        document["frozen"], document["rates"] = list(self.frozen), dict(self.rates)
        return document

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Settings:
        """Settings from a document's mapping; unknown names are mistakes."""
        known = [f.name for f in fields(cls)]
        unknown = [name for name in document if name not in known]
        if unknown:
            raise SettingsError(
                "training settings do not hold",
                [f"unknown setting {name!r}" for name in unknown],
                f"known: {', '.join(known)}",
            )
        return cls(**document)


def len_before(rows: int, parts: int, part: int) -> int:
    """Rows in front of part number `part` when `rows` are cut into nearly equal `parts`."""
    base, rest = divmod(rows, parts)
    return part * base + min(part, rest)


def _type_mistakes(settings: Settings) -> list[str]:
    mistakes = []
    for entry in fields(Settings):
        value, kind = getattr(settings, entry.name), str(entry.type)
        if kind.startswith(("str |", "tuple")) or (value is None and "None" in kind):
            continue
        wanted: tuple[type, ...] = {"f": (int, float), "b": (bool,), "s": (str,)}.get(
            kind[0], (int,)
        )
        if not isinstance(value, wanted) or (isinstance(value, bool) and bool not in wanted):
            mistakes.append(f"{entry.name} = {value!r}: it is a {kind.split(' |')[0]}")
    return mistakes


def _part_mistakes(settings: Settings) -> list[str]:
    frozen: Any = settings.frozen
    if not isinstance(frozen, tuple) or not all(isinstance(part, str) and part for part in frozen):
        return [f"frozen = {frozen!r}: a list of names of layers or parts"]
    pairs: Any = settings.rates
    if not isinstance(pairs, tuple) or not all(
        isinstance(pair, (tuple, list)) and len(pair) == 2 and isinstance(pair[0], str)
        for pair in pairs
    ):
        return [f"rates = {pairs!r}: a mapping of parts to learning rates, such as {{head: 0.01}}"]
    wrong = [
        f"rate of {part!r} = {rate!r}: a positive number; freeze a part that is to stay as it is"
        for part, rate in pairs
        if isinstance(rate, bool)
        or not isinstance(rate, (int, float))
        or not (rate > 0 and math.isfinite(rate))
    ]
    both = [f"{part!r} is frozen and has a rate: keep one" for part, _ in pairs if part in frozen]
    return wrong + both


def _choice_mistakes(settings: Settings) -> list[str]:
    choices = {
        "loss": ("auto", *LOSSES),
        "optimiser": OPTIMISERS,
        "schedule": SCHEDULES,
        "shuffle": SHUFFLES,
        "initialisation": ("xavier", "kaiming", "normal"),
        "start": ("fitted", "plain"),
    }
    return [
        f"{name} = {getattr(settings, name)!r}: choose from {', '.join(known)}"
        for name, known in choices.items()
        if getattr(settings, name) not in known
    ]


def _range_mistakes(settings: Settings) -> list[str]:
    s = settings
    checks = {
        f"epochs = {s.epochs}: at least 1": s.epochs >= 1,
        f"batches = {s.batches}: at least 1": s.batches is None or s.batches >= 1,
        f"batch_size = {s.batch_size}: at least 1": s.batch_size is None or s.batch_size >= 1,
        "batches and batch_size are both given: keep one": (
            s.batches is None or s.batch_size is None
        ),
        f"learning_rate = {s.learning_rate}: a positive number": (
            s.learning_rate > 0 and math.isfinite(s.learning_rate)
        ),
        f"momentum = {s.momentum}: from 0 to below 1": 0 <= s.momentum < 1,
        "nesterov needs momentum above 0": not s.nesterov or s.momentum > 0,
        f"weight_decay = {s.weight_decay}: at least 0": s.weight_decay >= 0,
        f"beta1 = {s.beta1}, beta2 = {s.beta2}: from 0 to below 1": (
            0 <= s.beta1 < 1 and 0 <= s.beta2 < 1
        ),
        f"epsilon = {s.epsilon}: above 0": s.epsilon > 0,
        f"step_epochs = {s.step_epochs}: at least 1": s.step_epochs >= 1,
        f"warmup_epochs = {s.warmup_epochs}: at least 0": s.warmup_epochs >= 0,
        f"huber_delta = {s.huber_delta}: above 0": s.huber_delta > 0,
        f"clip_norm = {s.clip_norm}: at least 0": s.clip_norm >= 0,
        f"patience = {s.patience}: at least 0": s.patience >= 0,
        f"validation = {s.validation}: between 0 and 1": 0 < s.validation < 1,
        f"seed = {s.seed}: at least 0": s.seed >= 0,
        f"class_weights = {s.class_weights!r}: positive numbers, or 'balanced'": (
            s.class_weights == "balanced"
            or (isinstance(s.class_weights, tuple) and all(w > 0 for w in s.class_weights))
        ),
    }
    return [mistake for mistake, holds in checks.items() if not holds]
