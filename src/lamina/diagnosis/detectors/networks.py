"""Networks that read charts: the Gantt paper's CNN; AlexNet, VGG-16, ResNet-18 with its head.

After P. Krawczuk et al., "Anomaly Detection in Scientific Workflows using End-to-End Execution
Gantt Charts and Convolutional Neural Networks" (2021). They are trained by the torch engine.
"""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import ceil
from time import process_time
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from lamina.data.split import holdout
from lamina.diagnosis.augment import augmentation_of
from lamina.diagnosis.charts import Charts, chart_form, form_document, form_of
from lamina.diagnosis.detectors.base import Arrays, Fitted, Fitting, Parts
from lamina.diagnosis.detectors.network_options import NetworkOptions
from lamina.diagnosis.runs import Collection, Floats, Numbers, Run
from lamina.errors import BundleError, LaminaError
from lamina.nets.document import network_from_document, network_to_document
from lamina.nets.initial import Weights
from lamina.nets.layers.normalisation import BatchNorm2d
from lamina.nets.network import Network
from lamina.nets.parts import Node
from lamina.nets.zoo import ZOO
from lamina.traces.gantt.tensor import ChartForm
from lamina.training import progress
from lamina.training.engines import ENGINES
from lamina.training.forward import apply
from lamina.training.loop import run_loop
from lamina.training.pretrained import FROM_ADDRESS, Beginning, beginning
from lamina.training.program import BYTE, Member, Portion, Program
from lamina.training.resources import Resource, resolve
from lamina.training.settings import Settings
from lamina.training.watch import Watch

HELD = 0.1
"""Share of the runs that is held back to stop by, where none are given."""

LEAST = float(np.log(1e-9))
"""The score of a class that nothing was learnt of."""

HEAD, BODY = 1e-6, 1e-8
"""The paper's learning rates of the new head and of pre-trained layers."""

IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Mean and deviation of red, green and blue in the pictures that weights were published for."""

_NORMED = "pictures"


class ChartNetwork(ABC):
    """A network of the zoo that learns from charts, with early stopping on the runs held back.

    Options (see `NetworkOptions`): size, channels, axis, order; augment; epochs, patience,
    batch_size, learning_rate, width, threads; and of those that begin with published weights:
    weights, frozen, body_rate, head_rate.
    """

    title: ClassVar[str]
    stops_early: ClassVar[bool] = True
    network: ClassVar[str]
    pretrained: ClassVar[bool] = True

    def fit(self, runs: Collection, held: Collection | None, how: Fitting) -> Fitted:
        """Trains from the published weights, or from scratch where there are none, and says so.

        Raises:
            DataError: an unknown option, or a value that it cannot have.
            UsageError: charts that cannot be so.
            NetworkError: charts too small for the network.
            SettingsError: a device that is not there.
        """
        wish = NetworkOptions.of(how.options, self.pretrained)
        form = chart_form(wish.size, wish.channels, wish.axis, wish.order, runs.runs)
        parts = _Parts.of(runs, held, how.seed)
        made = self._network(len(runs.classes), form, wish.width)
        begun = _begun(wish, made) if self.pretrained else Beginning()
        for text in filter(None, (begun.words, begun.warning)):
            how.tell(text)
        normed = _normed(made, begun) if begun.weights else made
        settings = _settings(wish, bool(begun.weights), len(parts.train), how.seed)
        program = Program(
            normed,
            Charts(parts.runs, form).drawn(),
            parts.targets,
            (Portion(parts.train, np.empty(0, np.int64), parts.held),),
            (Member(self.network, 0, settings, how.seed),),
            "cross-entropy",
            {**begun.weights, **_means(normed, made)},
            augmentation_of(wish.augment) or None,
        )
        weights, about = _trained(program, how, wish.threads)
        there = np.bincount(runs.targets, minlength=len(runs.classes)) > 0
        return ChartNetworkFitted(
            runs.classes, normed, weights, form, tuple(there.tolist()),
            {**about, "begun": begun.words or begun.warning or "from scratch"}, about["device"],
        )  # fmt: skip

    def restore(self, document: Mapping[str, Any], arrays: Arrays) -> Fitted:
        """From the network's document, the form of the charts, and the weights."""
        try:
            network = network_from_document(document["network"], "the detector's network")
            wanted = {**network.parameters(), **network.buffers()}
            weights = {name: np.asarray(arrays[name], dtype=np.float32) for name in wanted}
            odd = [name for name, shape in wanted.items() if weights[name].shape != shape]
            classes, there = tuple(document["classes"]), tuple(document["there"])
            form, about = form_of(document["form"]), dict(document["about"])
        except KeyError as error:
            raise BundleError(f"the detector has no {error.args[0]}", "train it again") from None
        except LaminaError as error:
            raise BundleError(
                f"the detector's network: {error.message}", "train it again"
            ) from None
        if odd or len(there) != len(classes) or form.shape != network.inputs[0].shape:
            told = ", ".join(odd) or "classes and charts"
            raise BundleError(f"{told} do not fit the detector's network", "train it again")
        return ChartNetworkFitted(classes, network, weights, form, there, about)

    def _network(self, classes: int, form: ChartForm, width: float) -> Network:
        given: dict[str, Any] = {"classes": classes, "shape": form.shape, "width": width}
        if self.pretrained:
            given["head"] = "two-layer"
        made: Network = ZOO.get(self.network)(**given)
        return made


class PaperCnn(ChartNetwork):
    """The Gantt paper's own network: 5 convolutions, 3 linear layers, from scratch."""

    title: ClassVar[str] = "the Gantt paper's CNN on charts, trained from scratch"
    network: ClassVar[str] = "gantt-cnn"
    pretrained: ClassVar[bool] = False


class AlexNet(ChartNetwork):
    """AlexNet with the paper's two-layer head."""

    title: ClassVar[str] = "AlexNet on charts, with the Gantt paper's two-layer head"
    network: ClassVar[str] = "alexnet"


class Vgg16(ChartNetwork):
    """VGG-16 with the paper's two-layer head."""

    title: ClassVar[str] = "VGG-16 on charts, with the Gantt paper's two-layer head"
    network: ClassVar[str] = "vgg-16"


class ResNet18(ChartNetwork):
    """ResNet-18 with the paper's two-layer head."""

    title: ClassVar[str] = "ResNet-18 on charts, with the Gantt paper's two-layer head"
    network: ClassVar[str] = "resnet-18"


@dataclass(frozen=True, eq=False)
class ChartNetworkFitted:
    """A trained network, and the charts that it reads.

    Args:
        classes: names.
        network, weights: what was trained.
        form: of its charts.
        there: of which classes it has seen runs.
        about: plain values: epochs, the best one, losses, seconds, what it began with.
        device: where it computes; a restored one on the CPU.
    """

    classes: tuple[str, ...]
    network: Network
    weights: Weights = field(repr=False)
    form: ChartForm
    there: tuple[bool, ...]
    about: Mapping[str, Any] = field(default_factory=dict, repr=False)
    device: str = "cpu"

    def scores(self, runs: Sequence[Run], against: Sequence[Run] = ()) -> Floats:
        """Log-softmax of the network's outputs; good runs of the same period are of no use."""
        del against
        blocks = Charts(tuple(runs), self.form).blocks()
        found = [self.outputs(np.multiply(block, BYTE, dtype=np.float32)) for block in blocks]
        logits = np.concatenate([np.zeros((0, len(self.classes)), np.float32), *found])
        logits = np.where(self.there, logits.astype(np.float64), -np.inf)
        scores = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
        return np.asarray(np.maximum(scores, LEAST))

    def outputs(self, charts: NDArray[np.float32]) -> NDArray[np.float32]:
        """Logits (n, classes) of charts (n, channels, height, width) from 0 to 1."""
        return apply(self.network, self.weights, charts, self.device)

    def to_parts(self) -> Parts:
        """Document of the network, form of the charts; weights."""
        document = {
            "classes": list(self.classes),
            "network": network_to_document(self.network),
            "form": form_document(self.form),
            "there": list(self.there),
            "about": dict(self.about),
        }
        return document, dict(self.weights)


@dataclass(frozen=True, eq=False)
class _Parts:
    """The runs of a program: all, and which are learnt from and which held."""

    runs: tuple[Run, ...]
    targets: Numbers
    train: Numbers
    held: Numbers

    @classmethod
    def of(cls, runs: Collection, held: Collection | None, seed: int) -> _Parts:
        """With some runs held where none were."""
        order = np.random.default_rng(seed)
        if held is None or not len(held):
            train, kept = holdout(len(runs), HELD, seed, runs.targets)
            return cls(runs.runs, runs.targets, train, kept)
        whole = np.concatenate([runs.targets, held.targets])
        train = order.permutation(len(runs)).astype(np.int64)
        return cls(
            (*runs.runs, *held.runs), whole, train, np.arange(len(runs), len(whole), dtype=np.int64)
        )  # fmt: skip


def _settings(wish: NetworkOptions, begun: bool, rows: int, seed: int) -> Settings:
    """The paper's: Adam, batches of 16, patience 4, weights drawn from Gaussians (of He's
    deviation); rates of the parts where weights are given.

    Batches are of nearly equal size: a last one of a single run cannot be normalised.
    """
    settings = Settings(
        epochs=wish.epochs,
        batches=max(1, ceil(rows / wish.batch_size)),
        loss="cross-entropy",
        optimiser="adam",
        initialisation="kaiming",
        learning_rate=wish.learning_rate,
        patience=wish.patience,
        shuffle="epoch",
        seed=seed,
    )
    if not begun:
        return settings
    return replace(
        settings,
        learning_rate=wish.body_rate,
        rates=(("head", wish.head_rate),),
        frozen=(*wish.frozen, _NORMED),
    )


def _begun(wish: NetworkOptions, network: Network) -> Beginning:
    """What a network begins with; nothing is published for narrow ones and channels of phases."""
    if wish.weights == FROM_ADDRESS and (wish.width != 1.0 or wish.channels != "colours"):
        return Beginning(
            warning="weights are published for charts in colours and the whole width of "
            f"{network.name}: the training begins from scratch"
        )
    return beginning(wish.weights, network)


def _normed(network: Network, begun: Beginning) -> Network:
    """The network behind a layer that gives pictures the mean and deviation of ImageNet's: what
    published weights were trained with. It is a batch normalisation that stays as it is."""
    given = network.inputs[0]
    if given.shape[0] != len(IMAGENET[0]):
        return network
    first = Node(_NORMED, BatchNorm2d(eps=1e-12, affine=False), (given.name,))
    behind = (
        replace(node, sources=tuple(_NORMED if one == given.name else one for one in node.sources))
        for node in network.nodes
    )
    return Network(network.inputs, (first, *behind), network.outputs, network.name)


def _means(normed: Network, made: Network) -> Weights:
    if normed is made:
        return {}
    mean, deviation = (np.array(values, dtype=np.float32) for values in IMAGENET)
    return {f"{_NORMED}.running_mean": mean, f"{_NORMED}.running_var": deviation**2}


def _trained(program: Program, how: Fitting, threads: int) -> tuple[Weights, dict[str, Any]]:
    """Weights of the best epoch, and how the training went."""
    resource = resolve(Resource("torch", how.device, threads), program)
    began = process_time()
    session = ENGINES.get("torch")().start(program, resource.device, resource.threads)
    course = run_loop(session, program, Watch(listener=_Teller(how)))
    weights = course.best[0] if course.best and course.best[0] else session.weights()[0]
    validation = course.validation
    best = int(course.best_epoch[0]) if course.best else course.epoch
    about = {
        "epochs": course.epoch,
        "best_epoch": best,
        "seconds": round(course.seconds, 3),
        "processor_seconds": round(process_time() - began, 3),
        "device": resource.device,
        "threads": resource.threads,
        "cost": np.round(course.cost[: course.epoch, 0], 5).tolist(),
        "validation": []
        if validation is None
        else np.round(validation[: course.epoch, 0], 5).tolist(),
    }
    return weights, about


class _Teller:
    """Tells what each epoch came to."""

    def __init__(self, how: Fitting) -> None:
        self._tell = how.tell

    def __call__(self, event: progress.Event) -> None:
        """A line for each epoch; other events are not told."""
        if isinstance(event, progress.Epochs):
            held = (event.validations or (float("nan"),))[-1]
            self._tell(f"epoch {event.first}: loss {event.losses[-1]:.4f}, held back {held:.4f}")
