"""Embeds a file of sentences with the chosen model, in a stream, and makes it searchable."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from rankpipe import params, paths, progress
from rankpipe.choice import chosen
from rankpipe.data import neighbours
from rankpipe.data.neighbours import Search
from rankpipe.embedding import encoder as encoders
from rankpipe.embedding import reading
from rankpipe.embedding.choice import BETTER, BY, WITHOUT_VECTORS
from rankpipe.embedding.encoder import Encoder
from rankpipe.embedding.scores import best_run
from rankpipe.embedding.scoring import unit
from rankpipe.embedding.search import INDEX, SUMMARY, About, hashes
from rankpipe.embedding.source import CorpusFile
from rankpipe.embedding.store import Format, writer
from rankpipe.embedding.table import TRACK
from rankpipe.errors import InputError
from rankpipe.io.atomic import atomic_folder
from rankpipe.io.digest import sha256
from rankpipe.io.json import write_json
from rankpipe.io.parquet import open_parquet
from rankpipe.params import bounded
from rankpipe.training.determinism import deterministic
from rankpipe.training.devices import resolve
from rankpipe.training.settings import machine

KEY = "params.yaml: embedding.predict"


@dataclass(frozen=True)
class Predict:
    """The block ``embedding.predict`` of params.yaml."""

    model: str = "best"
    """A model id, or ``best``: the greatest Spearman on valid. Of its runs it is the best on valid, too."""
    texts: CorpusFile | None = None
    """A file as ``embedding.source.corpus``; None: the sentences of this size that were trained on."""
    format: Format = "h5"
    search: Search = field(default_factory=Search)
    """exact looks at all vectors, block by block; approximate leaves a graph, which takes the memory of all vectors to
    make and to search."""
    batch_size: int = bounded(64, low=1)
    block_rows: int = bounded(4096, low=1)
    """Sentences in memory at once."""


def predict(size: str) -> None:
    """Writes ``build/<size>/embedding/predictions``; :mod:`rankpipe.embedding.store` has the layout.

    Blank rows have no vector; memory is that of the model and of one block, unless a graph is asked for.

    Raises:
        InputError: a missing or damaged input, a file without sentences, a vector that is no number.
    """
    values = params.load()
    settings = params.block(Predict, params.get(values, f"{TRACK}.predict"), KEY)
    model = chosen(TRACK, size, settings.model, BY, BETTER, WITHOUT_VECTORS)
    used = machine(values)
    deterministic(used.threads)
    folder = best_run(size, model)
    encoder = encoders.load(folder).to(resolve(used.device))
    with atomic_folder(paths.predictions(size, TRACK)) as out:
        rows = embed(out, encoder, _sentences(size, settings), settings, f"predict {size}")
        if not rows:
            raise InputError(f"{settings.texts.path if settings.texts else paths.table(size, TRACK)}: holds no "
                             "sentences; there is nothing to embed")
        index = out / INDEX
        write_json(out / SUMMARY, About(
            model, folder.as_posix(), hashes(folder), rows, encoder.dim, settings.format,
            sha256(index) if index.is_file() else None, settings.search.walked).record())


def embed(out: Path, encoder: Encoder, blocks: Iterator[list[str]], settings: Predict, title: str) -> int:
    """Writes the vectors of all sentences of ``blocks``, and their graph where one is asked for, into ``out``; how many
    there were.
    """
    graph = None
    if settings.search.kind == "approximate":
        graph = neighbours.empty(encoder.dim, settings.search, f"{KEY}.search")
    count = 0
    with writer(out, settings.format, encoder.dim) as append, progress.bar(None, title, "sentence") as bar:
        for rows, texts in _numbered(blocks, settings.block_rows):
            vectors = encoder.encode(texts, settings.batch_size)
            if not np.isfinite(vectors).all():
                raise InputError(f"the vector of '{texts[int(np.argmin(np.isfinite(vectors).all(1)))]:.60}' is no "
                                 "number; train the model again with a lower lr")
            append(rows, texts, vectors)
            if graph is not None:
                graph.add(unit(vectors))
            count += len(rows)
            bar.update(len(rows))
    if graph is not None:
        graph.save(out / INDEX)
    return count


def _numbered(blocks: Iterator[list[str]], size: int) -> Iterator[tuple[list[int], list[str]]]:
    """(rows, sentences) that aren't blank, ``size`` together: the same blocks however the file comes."""
    rows: list[int] = []
    texts: list[str] = []
    for row, text in enumerate(text for block in blocks for text in block):
        if text.strip():
            rows.append(row)
            texts.append(text)
        if len(rows) == size:
            yield rows, texts
            rows, texts = [], []
    if rows:
        yield rows, texts


def _sentences(size: str, settings: Predict) -> Iterator[list[str]]:
    if settings.texts is not None:
        return reading.sentences(settings.texts, f"{KEY}.texts")
    corpus = open_parquet(paths.table(size, TRACK) / "corpus.parquet")
    return (batch.column(0).to_pylist() for _, batch in corpus.spans(["text"], settings.block_rows))
