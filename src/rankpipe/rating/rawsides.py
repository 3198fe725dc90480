"""What the raw files say of the users and items of train: stats, numbers and words, aligned to their codes."""

from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rankpipe.data.columns import Words
from rankpipe.data.origin import Origin
from rankpipe.data.typed import ids, numbers
from rankpipe.data.values import text
from rankpipe.errors import InputError
from rankpipe.rating.source import FieldColumn, NumberColumn, SideFile, Source, open_raw, summed_columns
from rankpipe.rating.table import Field, Side

_BATCH_ROWS = 8192


def read_raw_side(source: Source, which: Literal["users", "items"], names: Words) -> Side:
    """Streams ``source.users`` (or ``items``); rows of others than ``names`` are passed over.

    Whoever the file doesn't have, or has without a value, is unknown there: NaN, no word.

    Raises:
        InputError: missing or damaged file, missing column, a value of another kind, an id that stands there twice.
    """
    file: SideFile | None = getattr(source, which)
    if file is None:
        return Side(list(names), {}, {}, ())
    key = f"params.yaml: rating.source.{which}"
    table = open_raw(file.path, file.separator)
    sums = {stat: summed_columns(table, columns, f"{key}.stats.{stat}") for stat, columns in file.stats.items()}
    table.require([file.id], f"{key}.id")
    for name, column in (*file.fields.items(), *file.numbers.items()):
        table.require([column.column], f"{key}: '{name}'")
    stats = {stat: np.full(len(names), np.nan, np.float32) for stat in sums}
    further = {name: np.full(len(names), np.nan, np.float32) for name in file.numbers}
    words: dict[str, dict[int, list[str]]] = {name: {} for name in file.fields}
    met = np.full(len(names), -1, np.int64)
    columns = [file.id, *(c for columns in sums.values() for c in columns),
               *(c.column for c in (*file.fields.values(), *file.numbers.values()))]
    for first, batch in table.spans(columns, _BATCH_ROWS):
        rows = np.arange(first, first + batch.num_rows)
        of = ids(batch.column(file.id), file.id, Origin(str(table.path), rows)).to_pylist()
        mine = np.array([names.codes.get(name, -1) for name in of], np.int64)
        index = np.flatnonzero(mine >= 0)
        batch, mine, rows = batch.take(pa.array(index)), mine[index], rows[index]
        _once(mine, rows, met, names, str(table.path), file.id)
        origin = Origin(str(table.path), rows)
        for stat, parts in sums.items():
            stats[stat][mine] = sum(numbers(batch.column(c), c, origin) for c in parts)
        for name, column in file.numbers.items():
            further[name][mine] = _number(batch.column(column.column), column, origin)
        for name, column in file.fields.items():
            words[name].update(zip(mine.tolist(), _words(batch.column(column.column), column, origin), strict=True))
    return Side(list(names), stats, further,
                tuple(_field(name, words[name], len(names)) for name in file.fields))


def _once(mine: np.ndarray, rows: np.ndarray, met: np.ndarray, names: Words, path: str, column: str) -> None:
    """Notes in ``met`` the row of each entity; raises InputError at the second."""
    for code, row in zip(mine.tolist(), rows.tolist(), strict=True):
        if met[code] >= 0:
            raise InputError(f"{path}: column '{column}', row {row} (the first is 0): '{names[code]}' stands in row "
                             f"{met[code]} already; keep one")
        met[code] = row


def _number(array: pa.Array, column: NumberColumn, origin: Origin) -> np.ndarray:
    if column.missing:
        cells = text(array, column.column, origin)
        array = pc.if_else(pc.is_in(cells, pa.array(column.missing, cells.type)), pa.scalar(None, cells.type), cells)
    return numbers(array, column.column, origin)


def _words(array: pa.Array, column: FieldColumn, origin: Origin) -> list[list[str]]:
    """The words of each row, none of them empty or missing."""
    if pa.types.is_list(array.type) or pa.types.is_large_list(array.type):
        cells = [[str(word) for word in words or () if word is not None] for words in array.to_pylist()]
    else:
        found = text(array, column.column, origin).to_pylist()
        cells = [[] if cell is None else cell.split(column.split) if column.split else [cell] for cell in found]
    stripped = [[word.strip() for word in words] for words in cells]
    return [[word for word in words if word and word not in column.missing] for words in stripped]


def _field(name: str, rows: dict[int, list[str]], entities: int) -> Field:
    words = ordered({word for found in rows.values() for word in found})
    codes = {word: code for code, word in enumerate(words)}
    ragged = [sorted({codes[word] for word in rows.get(i, ())}) for i in range(entities)]
    offsets = np.cumsum([0, *map(len, ragged)], dtype=np.int64)
    return Field(name, words, offsets, np.array([code for row in ragged for code in row], np.int32))


def ordered(words: set[str]) -> list[str]:
    """By number where all are whole numbers, else by code point."""
    if all(word.isascii() and word.isdigit() for word in words):
        return sorted(words, key=lambda word: (int(word), word))
    return sorted(words)
