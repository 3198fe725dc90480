"""Scores the unlabelled rows with the chosen model and writes the submission."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa

from rankpipe import params, paths, progress
from rankpipe.choice import chosen
from rankpipe.ctr.choice import BETTER, BY
from rankpipe.ctr.scores import scores as split_scores
from rankpipe.ctr.serving import RowScorer
from rankpipe.ctr.source import source
from rankpipe.ctr.submission import Ids, Scores, as_text, sample_reader
from rankpipe.errors import InputError
from rankpipe.io.atomic import atomic_folder
from rankpipe.io.jobs import Jobs, spread
from rankpipe.io.json import write_json
from rankpipe.io.parquet import open_parquet
from rankpipe.metrics.probability import prior_shift
from rankpipe.params import bounded
from rankpipe.training.determinism import deterministic

TRACK = "ctr"
SUBMISSION = "submission.csv"
SUMMARY = "prediction.json"
ID_ROWS = 1 << 16
Scored = tuple[pa.Array, np.ndarray]
"""IDs as text (n,), probabilities (n,)."""


@dataclass(frozen=True)
class Predict:
    """The block ``ctr.predict`` of params.yaml."""

    model: str = "best"
    """A model id, or ``best``: the greatest AUC on valid."""
    block_rows: int = bounded(8192, low=1)
    """Rows read and parsed at once; memory grows with it."""
    batch_rows: int = bounded(1024, low=1)
    """Rows scored at once."""
    prior_shift: bool = False
    """True: adds ln((1 − π)/π) to the logits, π the click rate of valid, as the task's score wants it."""


@dataclass(frozen=True)
class Host:
    """The top-level keys that say what computes."""

    threads: int = bounded(low=1)
    device: str = bounded(choices=("auto", "cpu", "cuda"))


@dataclass(frozen=True)
class Work:
    """What a worker needs to score blocks; small enough to be sent with each."""

    model: Path
    features: Path
    batch_rows: int
    threads: int
    device: str
    prior: float | None
    run: str = field(default_factory=lambda: uuid.uuid4().hex)
    """Tells this run's model from the one that a worker keeps of an earlier run."""


def predict(size: str) -> None:
    """Writes ``submission.csv``, a probability for each row of ``ctr.source.test``, and ``prediction.json`` beside it.

    Memory is that of one block of rows (two a worker, where there are several) and 29 bytes a row for the join by ID.

    Raises:
        InputError: a missing or damaged file, a column that doesn't fit, an ID that is missing, doubled or unknown.
    """
    values = params.load()
    settings = params.block(Predict, params.get(values, "ctr.predict"), "params.yaml: ctr.predict")
    raw = source(values)
    host = params.block(Host, {k: params.get(values, k) for k in ("threads", "device")}, "params.yaml: (top level)")
    jobs = params.block(Jobs, params.get(values, "jobs"), "params.yaml: jobs")
    if raw.test is None:
        raise InputError("params.yaml: ctr.source.test: null; name the parquet file of unlabelled rows to predict")
    model = chosen(TRACK, size, settings.model, BY, BETTER)
    prior = split_scores(size, [model], "valid").rate if settings.prior_shift else None
    # Absolute, since a worker may have been started elsewhere.
    work = Work(paths.model(size, TRACK, model).absolute(), paths.features(size, TRACK).absolute(), settings.batch_rows,
                host.threads, host.device, prior)
    schema = row_scorer(work).encoders.schema
    test, sample = Path(raw.test), raw.sample_submission and Path(raw.sample_submission)
    if sample and schema.id is None:
        raise InputError("params.yaml: ctr.schema.id: null; the sample submission can't be joined without an ID column")
    table = open_parquet(test)
    scores = Scores(table.rows, test, schema.id or "row")
    with progress.bar(table.rows, f"predict {size} {model}") as bar:
        for ids, probabilities in scored(test, work, schema.id, settings.block_rows, jobs):
            scores.add(ids, probabilities)
            bar.update(len(ids))
    with atomic_folder(paths.predictions(size, TRACK)) as folder:
        scores.write(folder / SUBMISSION, schema.label, id_reader(test, schema.id), sample,
                     sample_reader(sample, schema.id, schema.label) if sample else None)
        write_json(folder / SUMMARY, {"model": model, "rows": table.rows, "prior": prior, "mean": scores.mean()})


def scored(test: Path, work: Work, key: str | None, block_rows: int, jobs: Jobs) -> Iterator[Scored]:
    """(IDs as text, probabilities) of consecutive blocks, in file order whatever the number of workers."""
    columns = row_scorer(work).columns
    spans = open_parquet(test).spans([*([key] if key else []), *columns], block_rows)
    tasks = ((work, key, test, first, block) for first, block in spans)
    if jobs.workers == 1:
        yield from (score_block(*task) for task in tasks)
        return
    yield from spread(jobs, score_block, tasks, wave=2 * jobs.workers)


def score_block(work: Work, key: str | None, test: Path, first: int, block: pa.RecordBatch) -> Scored:
    probabilities = row_scorer(work).probabilities(block, first, str(test))
    if work.prior is not None:
        probabilities = prior_shift(probabilities, work.prior).astype(np.float32)
    return ids_of(block, first, key, test), probabilities


@lru_cache(maxsize=1)
def row_scorer(work: Work) -> RowScorer:
    """One model a process, loaded when its first block comes."""
    deterministic(work.threads)
    return RowScorer(work.model, work.features, work.batch_rows, work.device)


def ids_of(block: pa.RecordBatch, first: int, key: str | None, test: Path) -> pa.Array:
    """(n,) the block's IDs as text; the row's position in the file where the schema names no ID."""
    if key is None:
        return pa.array(np.arange(first, first + len(block))).cast(pa.string())
    return as_text(block.column(key), test, key)


def id_reader(test: Path, key: str | None) -> Ids:
    """Streams the IDs of ``test``."""

    def stream() -> Iterator[pa.Array]:
        table = open_parquet(test)
        if key is None:
            for first in range(0, table.rows, ID_ROWS):
                yield pa.array(np.arange(first, min(first + ID_ROWS, table.rows))).cast(pa.string())
        else:
            for first, block in table.spans([key], ID_ROWS):
                yield ids_of(block, first, key, test)

    return stream
