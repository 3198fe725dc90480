"""Encodes images, texts and attributes of all candidates once, and the queries; fits what is to be fitted on train.

What an image encoder sees of a candidate is kept in chunks under ``.scratch``, so that a killed run goes on where it
was; vectors are written chunk by chunk. A missing image or text is a row of zeros that is marked as missing, and
counted.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from rankpipe import params, paths, progress
from rankpipe.fusion import dataset, encoders
from rankpipe.fusion.dataset import TRACK, Dataset
from rankpipe.fusion.encoders import MiniLM
from rankpipe.fusion.encoders.settings import KEY, Encode
from rankpipe.fusion.encoders.towers import Tower
from rankpipe.fusion.inputs import MODALITIES
from rankpipe.fusion.plain import is_plain
from rankpipe.fusion.source import source
from rankpipe.fusion.vectors import FILE
from rankpipe.io.arrays import ArraysReader, ArraysWriter, put_all
from rankpipe.io.atomic import atomic_folder
from rankpipe.io.digest import sha256
from rankpipe.io.jobs import Jobs
from rankpipe.io.json import write_json

COUNTS = "encoding.json"
_SCRATCH = 1
"""Of what chunks hold; another number lets nothing of an older version be taken up."""


def encode(size: str) -> None:
    """Writes ``build/<size>/fusion/features``: vectors, encoders and ``encoding.json``. Images are decoded by
    ``jobs.workers`` threads.

    Memory: candidates, queries and their texts, one chunk of vectors, and what encoders are fitted on.

    Raises:
        InputError: the table is missing or damaged, an image isn't whole, or a model can't be loaded.
    """
    values = params.load()
    settings = params.block(Encode, params.get(values, "fusion.encode"), KEY)
    if is_plain(size):
        with atomic_folder(paths.features(size, TRACK)) as folder:
            write_json(folder / COUNTS, {"modalities": []})  # features alone: there is nothing to encode
        return
    threads = params.block(Jobs, values.get("jobs"), "params.yaml: jobs").workers
    raw, data = source(values), dataset.read(size)
    images = [raw.there(name) for name in data.candidates.images]
    with threadpool_limits(int(values.get("threads", 1)), user_api="blas"):
        build(size, settings, data, images, params.seed(values), values.get("device", "cpu"), threads)


def build(size: str, settings: Encode, data: Dataset, images: list[Path | None], seed: int, device: str,
          threads: int) -> None:
    """:func:`encode` with everything named."""
    held = data.candidates
    started = encoders.start(settings, device)
    scratch = paths.scratch(f"encode-{TRACK}-{size}")
    chunks = _Chunks(scratch, _fingerprint(size, settings, started, images, device), len(held), settings.chunk)
    with progress.bar(len(held), f"encode {size}", "candidate") as bar:
        for _ in chunks("image", lambda some: started[0].look(images[some], threads)):
            bar.update(min(settings.chunk, len(held) - bar.n))
    train = _spread(data.judged("train"), settings.fitted)
    there = {"image": np.array([path is not None for path in images], bool),
             "text": np.array([text is not None for text in held.texts], bool), "attributes": (held.codes >= 0).any(1)}
    made = encoders.fit(settings, started, _rows(chunks("image"), train), there["image"][train],
                        [held.texts[i] for i in train.tolist()], held.codes[train],
                        [len(values) for values in held.attributes.values()], seed)
    with atomic_folder(paths.features(size, TRACK)) as folder:
        made.save(folder)
        revisions = made.revisions(folder)
        models = {"image": settings.image, "text": settings.text, "attributes": "onehot"}
        with ArraysWriter(folder / FILE) as file:
            _vectors(file, made, held, chunks)
            for name in MODALITIES:
                file.put(f"{name}_present", there[name])
            query, query_image = made.queries(data.queries.texts)
            file.put("query", query)
            if query_image is not None:
                file.put("query_image", query_image)
            file.words("models", [models[name] for name in MODALITIES])
            file.words("revisions", [revisions[name] for name in MODALITIES])
        write_json(folder / COUNTS, {
            "candidates": len(held), "queries": len(data.queries), "fitted_on": len(train), "modalities": MODALITIES,
            "models": models, "revisions": revisions,
            "missing": {name: int((~present).sum()) for name, present in there.items()},
            "images_not_there": sum(name is not None and path is None
                                    for name, path in zip(held.images, images, strict=True))})
    shutil.rmtree(scratch, ignore_errors=True)


def _vectors(file: ArraysWriter, made: encoders.Encoders, held: dataset.Candidates, chunks: "_Chunks") -> None:
    """Appends those of the candidates, chunk by chunk."""
    texts = chunks("text", lambda some: made.texts(held.texts[some])) if isinstance(made.text, MiniLM) else (
        made.texts(held.texts[some]) for some in chunks.slices())
    opened = False
    for some, looks, text in zip(chunks.slices(), chunks("image"), texts, strict=True):
        found = {"image": made.image.vectors(looks), "text": text, "attributes": made.attributes(held.codes[some])}
        for name, rows in found.items():
            if not opened:
                file.grow(name, "<f4", rows.shape[1:])
            file.append(name, rows)
        opened = True


class _Chunks:
    """Rows of all candidates that cost much, made once and kept in files until the stage is done.

    Args:
        fingerprint: of all that decides over them; files of any other are swept away.
    """

    def __init__(self, scratch: Path, fingerprint: str, count: int, size: int):
        self.folder, self.count, self.size = scratch / fingerprint, count, size
        for other in scratch.glob("*"):
            if other.name != fingerprint:
                shutil.rmtree(other)

    def slices(self) -> Iterator[slice]:
        """Of the candidates; one at least."""
        for first in range(0, self.count, self.size):
            yield slice(first, min(first + self.size, self.count))

    def __call__(self, name: str, make: Callable[[slice], np.ndarray] | None = None) -> Iterator[np.ndarray]:
        """Chunk by chunk; ``make`` is asked for what isn't there yet."""
        for some in self.slices():
            path = self.folder / f"{name}-{some.start}.h5"
            if not path.is_file() and make is not None:
                put_all(path, {"rows": make(some)})
            with ArraysReader(path, "run encode again") as file:
                yield file.read("rows")


def _rows(chunks: Iterator[np.ndarray], wanted: np.ndarray) -> np.ndarray:
    """Rows ``wanted``, rising, of all chunks end to end."""
    found, first = [], 0
    for rows in chunks:
        found.append(rows[wanted[(wanted >= first) & (wanted < first + len(rows))] - first])
        first += len(rows)
    return np.concatenate(found)


def _spread(codes: np.ndarray, most: int) -> np.ndarray:
    """All, or ``most`` of them at even distances."""
    return codes if len(codes) <= most else codes[np.arange(most) * len(codes) // most]


def _fingerprint(size: str, settings: Encode, started: tuple[Any, Any], images: list[Path | None],
                 device: str) -> str:
    """Of the table, the settings, the towers' weights, and name, length and time of each image."""
    known: list[Any] = [_SCRATCH, asdict(settings), [one.revision for one in started if isinstance(one, Tower)], device,
                        [sha256(path) for path in sorted(paths.table(size, TRACK).glob("*.h5"))]]
    digest = hashlib.sha256(json.dumps(known, sort_keys=True).encode())
    for path in images:
        stat = None if path is None else path.stat()
        digest.update(f"{path}\t{stat and (stat.st_size, stat.st_mtime_ns)}\n".encode())
    return digest.hexdigest()[:16]
