"""What a benchmark measures: the options, and the jobs that follow from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from lamina.benchmark.cases import EXPERIMENTS, PICTURES
from lamina.benchmark.jobs import PATIENCE, REPEATS, Job, Task
from lamina.benchmark.peers import PEERS, card
from lamina.errors import UnknownNameError, UsageError
from lamina.workflow.machine import cores

PEER_NAMES = ("torch-loader", "torch-memory", "sklearn", "jax")

SETS = (*EXPERIMENTS, PICTURES)

LARGE = ("grid-stability", "bank-marketing")
"""Sets on which a second thread can help PyTorch; on the others it only waits."""

ENGINE_LIBRARIES = {"fused": "llvmlite", "torch": "torch"}

QUICK_EPOCHS = 100
QUICK_DEFAULT_EPOCHS = 30
QUICK_LOADER_EPOCHS = 2
QUICK_PATIENCE = 0.3
QUICK_SECONDS = 45.0
"""What `--quick` may take for all measurements; the rest of the minute draws and writes."""


@dataclass(frozen=True)
class Options:
    """What is asked for.

    Args:
        epochs: of every training; `quick` takes at most QUICK_EPOCHS.
        quick: few epochs and repeats, an end within a minute.
        peers: names from the table of peers.
        sets: names from SETS; the pictures are for the torch engine's two forms only.
        loader_epochs: epochs that the DataLoader loop really runs, scaled to `epochs`;
            None for all (quick: QUICK_LOADER_EPOCHS).
        seed: of splits and weights.

    Raises:
        UnknownNameError: a peer or a set that is not known.
        UsageError: a number of epochs below 1.
    """

    epochs: int = 1000
    quick: bool = False
    peers: tuple[str, ...] = PEER_NAMES
    sets: tuple[str, ...] = SETS
    loader_epochs: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        for peer in self.peers:
            if peer not in PEERS:
                raise UnknownNameError("peer", peer, PEERS.names())
        for name in self.sets:
            if name not in SETS:
                raise UnknownNameError("data set of the benchmark", name, SETS)
        for name, value in (("epochs", self.epochs), ("loader epochs", self.loader_epochs)):
            if value is not None and value < 1:
                raise UsageError(f"{name} = {value}", "give a number from 1 on")
        if self.quick:
            object.__setattr__(self, "epochs", min(self.epochs, QUICK_EPOCHS))

    @property
    def patience(self) -> float:
        """Seconds after which a measurement is not repeated any more."""
        return QUICK_PATIENCE if self.quick else PATIENCE

    def epochs_of(self, peer: str) -> int:
        """Epochs that a peer really runs."""
        if peer != "torch-loader":
            return self.epochs
        wanted = self.loader_epochs or (QUICK_LOADER_EPOCHS if self.quick else self.epochs)
        return min(wanted, self.epochs)


def jobs(options: Options, cases: Mapping[str, Path]) -> tuple[list[Job], dict[str, str]]:
    """The jobs of a benchmark, and who is absent for which reason.

    Args:
        options: what is asked for.
        cases: data set -> file that `Case.save` wrote; the sets that are there.
    """
    absent = absentees(options)
    alone: tuple[str, ...] = ("I", "II")
    if cores() < 2:
        # Without a second core the third group runs on the one there is.
        alone = ("I", "II", "III")
        for label in ("fused-2threads", "torch-memory-2threads"):
            absent[label] = "this process may use one core only"
    found = [
        Job("sgemm", "sgemm", 1, (Task("sgemm", patience=options.patience),)),
        _job(options, cases, "engine", "fused", 1, alone),
        _job(options, cases, "engine", "fused", 2, ("I", "II", "III")),
        *_peer_jobs(options, cases),
        _job(options, cases, "engine", "torch", 1, ("I", "II")),
        _vectorised(options),
    ]
    # The dearest comes last: a benchmark that is interrupted has said the rest. When other work
    # keeps a core busy that is PyTorch on two threads, which then wait for each other.
    dearest = "torch-memory-2threads" if options.quick else "torch-loader"
    found.sort(key=lambda job: job.label == dearest)
    kept = [job for job in found if job.label not in absent and job.name not in absent]
    return [job for job in kept if job.tasks], absent


def absentees(options: Options) -> dict[str, str]:
    """Engines and peers whose library is not installed: name -> reason."""
    absent = {
        engine: f"{library} is not installed (pip install 'lamina[{engine}]')"
        for engine, library in ENGINE_LIBRARIES.items()
        if find_spec(library) is None
    }
    for peer in options.peers:
        library = card(peer).library
        if library and find_spec(library) is None:
            extra = "torch" if library == "torch" else "peers"
            absent[peer] = f"{library} is not installed (pip install 'lamina[{extra}]')"
    return absent


def _peer_jobs(options: Options, cases: Mapping[str, Path]) -> list[Job]:
    found = []
    for peer in dict.fromkeys(options.peers):
        found.append(_job(options, cases, "peer", peer, 1, card(peer).groups))
        if peer == "torch-memory":
            large = {name: path for name, path in cases.items() if name in LARGE}
            found.append(_job(options, large, "peer", peer, 2, ("I",)))
    return found


def _job(
    options: Options,
    cases: Mapping[str, Path],
    kind: str,
    name: str,
    threads: int,
    groups: tuple[str, ...],
) -> Job:
    tasks = tuple(
        Task(
            subject=case,
            case=str(path),
            group=group,
            epochs=options.epochs_of(name),
            repeats=REPEATS if kind == "engine" or group == "I" else 1,
            patience=options.patience,
            seed=options.seed,
        )
        for group in groups
        for case, path in cases.items()
    )
    return Job(kind, name, threads, tasks)


def _vectorised(options: Options) -> Job:
    tasks = tuple(
        Task(
            subject=PICTURES,
            group=device,
            epochs=min(options.epochs, 1 if options.quick else 10),
            repeats=1 if options.quick else 3,
            patience=options.patience,
            seed=options.seed,
        )
        for device in ("cpu", "cuda")
        if PICTURES in options.sets
    )
    return Job("vectorised", "torch", min(2, cores()), tasks)
