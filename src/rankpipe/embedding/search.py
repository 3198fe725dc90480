"""The sentences of a predicted file that are nearest to a text:
``python -m rankpipe.embedding.search FOLDER "text" --top 5``.

FOLDER is what the predict stage wrote. The text is embedded by the model that embedded the file; ``--model`` names its
folder, or a bundle of it, where it has moved.
"""

import argparse
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rankpipe import params
from rankpipe.data.neighbours import Neighbours, nearest
from rankpipe.embedding.scoring import unit
from rankpipe.embedding.store import REMEDY, Format, Store
from rankpipe.errors import InputError
from rankpipe.io.digest import sha256
from rankpipe.io.json import read_json
from rankpipe.stage import one_line_errors

SUMMARY, INDEX = "prediction.json", "index.faiss"
FORMAT = 1


@dataclass(frozen=True)
class About:
    """What ``prediction.json`` says."""

    model: str
    folder: str
    """Of the encoder, from the repository root."""
    encoder: dict[str, str]
    """File of the encoder → sha256."""
    rows: int
    dim: int
    kind: Format
    index: str | None
    """sha256 of the graph; None: there is none."""
    walked: int
    """Candidates that a search through the graph keeps in sight."""
    format: int = FORMAT

    def record(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Hit:
    """A sentence found."""

    score: float
    """Cosine."""
    row: int
    """Of the file that was embedded, from 0."""
    text: str


def hashes(folder: Path) -> dict[str, str]:
    """Path in ``folder`` → sha256, of every file in it."""
    return {path.relative_to(folder).as_posix(): sha256(path) for path in sorted(folder.rglob("*")) if path.is_file()}


def about(folder: Path) -> About:
    """Raises InputError: not a folder of predictions, or one of another format."""
    path = Path(folder) / SUMMARY
    found = params.block(About, read_json(path), str(path))
    if found.format != FORMAT:
        raise InputError(f"{path}: format {found.format}, this version reads {FORMAT}; {REMEDY}")
    return found


def found(folder: Path, queries: np.ndarray, top: int) -> list[list[Hit]]:
    """For each of ``queries`` (q, d) the ``top`` nearest sentences of ``folder`` by cosine, nearest first.

    Without a graph all vectors are looked at, block by block; equal cosines in the order of the file.

    Raises:
        InputError: missing or damaged file; vectors of another length.
    """
    of, folder = about(folder), Path(folder)
    if queries.shape[1] != of.dim:
        raise InputError(f"{folder}: holds vectors of {of.dim} numbers, the query has {queries.shape[1]}; embed it "
                         f"with the model that embedded the file ({of.model})")
    store, queries = Store(folder, of.kind), unit(queries)
    if of.index is None:
        scores, places = nearest(map(unit, store.blocks()), queries, top)
    else:
        if not (folder / INDEX).is_file() or sha256(folder / INDEX) != of.index:
            raise InputError(f"{folder / INDEX}: missing or damaged, its sha256 is not the one in {SUMMARY}; {REMEDY}")
        scores, places = Neighbours.load(folder / INDEX, of.walked).nearest(queries, top)
    held = store.sentences(places[places >= 0])
    return [[Hit(float(score), *held[place]) for score, place in zip(*line, strict=True) if place >= 0]
            for line in zip(scores.tolist(), places.tolist(), strict=True)]


def place_of(folder: Path, model: Path | None = None) -> Path:
    """The folder of the encoder that embedded ``folder``: ``model``, or where ``prediction.json`` says.

    Raises:
        InputError: not there, or another encoder's.
    """
    of = about(folder)
    place = Path(model or of.folder)
    if not place.is_dir():
        raise InputError(f"{place}: not found; run from the repository root, or name the folder of '{of.model}' or its "
                         "bundle with --model")
    for name, stated in of.encoder.items():
        if not (place / name).is_file() or sha256(place / name) != stated:
            raise InputError(f"{place / name}: not the file of the encoder that embedded {folder}; name its folder "
                             f"with --model, or {REMEDY}")
    return place


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m rankpipe.embedding.search",
                                     description="The sentences of a predicted file that are nearest to a text.")
    parser.add_argument("folder", type=Path, help="what the predict stage wrote: build/<size>/embedding/predictions")
    parser.add_argument("text")
    parser.add_argument("--top", type=int, default=5)
    parser.add_argument("--model", type=Path, help="folder of the encoder, or of a bundle, where it has moved")
    given = parser.parse_args(words)
    with one_line_errors():
        if given.top < 1 or not given.text.strip():
            raise InputError("search wants a text, and --top of at least 1")
        place = place_of(given.folder, given.model)
        from rankpipe.embedding.encoder import load  # torch: seconds that a missing file needn't cost

        for hit in found(given.folder, load(place).encode([given.text]), given.top)[0]:
            print(f"{hit.score:.4f}  row {hit.row}  {hit.text}")


if __name__ == "__main__":
    main()
