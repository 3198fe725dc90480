"""The raw files as streams of blocks, each fault in one line; and the form in which sentences are compared."""

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from rankpipe.data.origin import Origin
from rankpipe.data.sampling import word_key
from rankpipe.data.typed import numbers
from rankpipe.data.values import text
from rankpipe.embedding.source import KEY, CorpusFile, PairsFile, TripletsFile
from rankpipe.errors import InputError
from rankpipe.io.delimited import open_table
from rankpipe.io.jsonlines import JsonLinesTable, is_json_lines

_ROWS = 8192


@dataclass(frozen=True)
class Block:
    """n rows of a file of pairs."""

    first: list[str]
    second: list[str]
    score: np.ndarray
    """(n,) float32 in [0, 1]."""
    genre: list[str]
    word: list[str] | None
    """Of the column that gives the split, where the reader was asked for it."""


def clean(sentence: str) -> str:
    """Composed letters, so that a Hangul syllable is one sign, and single blanks."""
    return " ".join(unicodedata.normalize("NFC", sentence).split())


def key(sentence: str) -> int:
    """64 bits, the same for sentences that differ only in case, white space or composition."""
    return word_key(0, "sentence", clean(sentence).casefold())


def keys(sentences: Iterable[str]) -> np.ndarray:
    """(n,) uint64 of :func:`key`."""
    return np.fromiter(map(key, sentences), np.uint64)


def sentences(file: CorpusFile, where: str = f"{KEY}.corpus") -> Iterator[list[str]]:
    """:func:`clean` sentences in the order of the file, "" for an empty row. ``where`` names the file's key in errors.

    Raises:
        InputError: missing or damaged file, missing column, text that isn't UTF-8.
    """
    if Path(file.path).suffix == ".txt":
        yield from _lines(Path(file.path))
        return
    for batch, origin in _batches(file.path, file.separator, [file.column], where):
        yield [clean(s) for s in text(batch.column(0), file.column, origin).fill_null("").to_pylist()]


def pairs(file: PairsFile, name: str, word: str | None = None) -> Iterator[Block]:
    """Streams a file of pairs, ``embedding.source.<name>``. ``word``: the column of a given split.

    Raises:
        InputError: missing or damaged file, missing column, a sentence or score that is missing, a score off the scale.
    """
    where = f"{KEY}.{name}"
    columns = [c for c in (file.first, file.second, file.score, file.genre, word) if c is not None]
    for batch, origin in _batches(file.path, file.separator, columns, where):
        count = batch.num_rows
        genre = [""] * count if file.genre is None else _words(batch, file.genre, origin)
        yield Block(_sentences(batch, file.first, origin), _sentences(batch, file.second, origin),
                    _scores(batch, file, origin, where), genre,
                    None if word is None else _words(batch, word, origin))


def triplets(file: TripletsFile) -> Iterator[tuple[list[str], list[str], list[str]]]:
    """Blocks of (anchor, positive, negative).

    Raises:
        InputError: missing or damaged file, missing column, a missing sentence.
    """
    columns = [file.anchor, file.positive, file.negative]
    for batch, origin in _batches(file.path, file.separator, columns, f"{KEY}.triplets"):
        anchor, positive, negative = (_sentences(batch, column, origin) for column in columns)
        yield anchor, positive, negative


def _lines(path: Path) -> Iterator[list[str]]:
    if not path.is_file():
        raise InputError(f"{path}: not found; put the file there or fetch it (dvc pull)")
    held: list[str] = []
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                held.append(clean(line.decode("utf-8-sig" if number == 1 else "utf-8")))
            except UnicodeDecodeError as error:
                raise InputError(f"{path}: line {number} isn't UTF-8; write the file again") from error
            if len(held) == _ROWS:
                yield held
                held = []
    if held:
        yield held


def _batches(path: str, separator: str | None, columns: list[str], where: str,
             ) -> Iterator[tuple[pa.RecordBatch, Origin]]:
    table = JsonLinesTable(path) if is_json_lines(path) else open_table(path, separator)
    table.require(columns, where)
    for first, batch in table.spans(columns, _ROWS):
        yield batch, Origin(path, np.arange(first, first + batch.num_rows))


def _words(batch: pa.RecordBatch, column: str, origin: Origin) -> list[str]:
    return text(batch.column(column), column, origin).fill_null("").to_pylist()


def _sentences(batch: pa.RecordBatch, column: str, origin: Origin) -> list[str]:
    found = [clean(sentence) for sentence in _words(batch, column, origin)]
    if "" in found:
        raise origin.value(column, found.index(""), "the sentence is missing; drop or mend the row")
    return found


def _scores(batch: pa.RecordBatch, file: PairsFile, origin: Origin, where: str) -> np.ndarray:
    found = numbers(batch.column(file.score), file.score, origin)
    wrong = np.flatnonzero(~((found >= 0) & (found <= file.scale)))
    if len(wrong):
        i = int(wrong[0])
        raise origin.value(file.score, i, "the score is missing; drop or mend the row" if np.isnan(found[i]) else (
            f"the score is {found[i]:g}, off the scale from 0 to {file.scale:g} that {where}.scale states"))
    return (found / file.scale).astype(np.float32)
