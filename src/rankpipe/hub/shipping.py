"""The push stage of every track: choose, pass the gate, make the bundle, deliver it, leave the receipt."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from threadpoolctl import threadpool_limits

from rankpipe import leaderboard, paths
from rankpipe.choice import chosen, judged
from rankpipe.hub.bundle import seal
from rankpipe.hub.delivery import to_folder, to_hub
from rankpipe.hub.gate import Gate, check
from rankpipe.hub.receipt import write_receipt
from rankpipe.io.atomic import atomic_folder
from rankpipe.leaderboard import Board
from rankpipe.training.determinism import deterministic

THREADS = 1
"""For the scores of a request of a few rows, which a second thread doesn't hasten."""

Write = Callable[[Path, str, Board], None]
"""(folder, model id, leaderboard): fills the folder with all that :mod:`rankpipe.hub.bundle` lists but the manifest."""


@dataclass(frozen=True)
class Push:
    """The block ``<track>.push`` of params.yaml."""

    model: str = "best"
    """A model id, or ``best``: the best on valid by the track's own measure."""
    target: Literal["folder", "hub"] = "folder"
    folder: str | None = None
    """Where the bundle is copied to; None leaves it under ``build/``, where it is made."""
    repo: str | None = None
    """``org/name``, for the hub."""
    revision: str | None = None
    """Branch of the repository; None is main."""
    private: bool = True
    license: str | None = None
    """An identifier that the hub knows, such as apache-2.0, for the card."""
    gate: Gate | None = None
    """None lets every model through."""

    def __post_init__(self) -> None:
        if self.target == "hub" and not self.repo:
            raise ValueError("target hub needs repo: org/name")


def ship(track: str, size: str, settings: Push, by: str, better: Literal["higher", "lower"], data: dict[str, str],
         write: Write, without: Collection[str] = ()) -> None:
    """Makes the bundle under ``build/``, delivers it, and leaves the receipt in ``receipts/``.

    Args:
        by, better: the metric on valid by which ``best`` is chosen.
        data: raw file or folder → hash, see :func:`rankpipe.hub.provenance.data_hashes`.
        without: models that are judged but can't be shipped.

    Raises:
        InputError: the gate refuses the model, or the target the bundle.
    """
    receipt, bundle = paths.receipt(size, track), paths.bundle(size, track)
    # An old receipt beside a push that fails would lie.
    receipt.unlink(missing_ok=True)
    model = chosen(track, size, settings.model, by, better, without)
    place = paths.leaderboard(size, track)
    board = leaderboard.load(place / leaderboard.FILE)
    verdict = None if settings.gate is None else check(settings.gate, model, board, place / leaderboard.PAIRED)
    # The sample request's scores are part of the bundle's bytes, and the number of threads of theirs.
    deterministic(THREADS)
    with threadpool_limits(THREADS, user_api="blas"), atomic_folder(bundle) as folder:
        write(folder, model, board)
        seal(folder, track, model, judged(track, size, model), data)
    if settings.target == "hub":
        sent = to_hub(bundle, str(settings.repo), settings.revision, settings.private, f"{track} {size} {model}")
        print(f"{model} → {sent['repo']} at {sent['endpoint']}, commit {sent['commit']}")
    else:
        sent = to_folder(bundle, Path(settings.folder) if settings.folder else bundle)
        print(f"{model} → {sent['folder']}")
    write_receipt(receipt, bundle, settings.target, sent, verdict)
