"""Sequence columns of a record batch → offsets and flat items, from text with a separator or from Arrow lists."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rankpipe.data.columns import Dictionaries, Words
from rankpipe.data.origin import Origin
from rankpipe.data.schema import SequenceGroup
from rankpipe.data.tokens import OK, TOO_LARGE, parse_numbers
from rankpipe.data.values import readable
from rankpipe.errors import InputError

_ITEM_LIMIT = 2**31 - 1
_TIME_LIMIT = 2**53 - 1
_ROOM = 1 << 21


def parse_field(array: pa.Array, group: SequenceGroup, key: str, column: str, dictionaries: Dictionaries,
                origin: Origin) -> tuple[np.ndarray, np.ndarray]:
    """(offsets (n + 1,) int64, items (T,) uint32) of one field; ``key`` is where words of text items stand.

    Raises:
        InputError: wrong type, or an item that can't be read.
    """
    if group.items == "int":
        return _whole_numbers(array, group.separator, _ITEM_LIMIT, np.uint32, column, origin)
    offsets, words = _words(array, group.separator, column, origin)
    encoded = words.dictionary_encode()
    codes = Words.of(dictionaries, key).grow(encoded.dictionary.to_pylist())
    return offsets, codes[encoded.indices.to_numpy()].astype(np.uint32)


def parse_times(array: pa.Array, group: SequenceGroup, origin: Origin) -> tuple[np.ndarray, np.ndarray]:
    """(offsets (n + 1,) int64, unix seconds (T,) int64) of a group's timestamps."""
    return _whole_numbers(array, group.separator, _TIME_LIMIT, np.int64, str(group.timestamps), origin)


def _is_list(kind: pa.DataType) -> bool:
    return pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _plain(array: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(array.type):
        return array.dictionary_decode()
    return array.cast(pa.string()) if pa.types.is_null(array.type) else array


def _whole_numbers(array: pa.Array, separator: str, limit: int, dtype: type, column: str, origin: Origin,
                   ) -> tuple[np.ndarray, np.ndarray]:
    array = _plain(array)
    if _is_list(array.type) and pa.types.is_integer(array.type.value_type):
        offsets, items = _list(array, column, origin)
        values = items.to_numpy()
        wrong = np.nonzero((values < 0) | (values > limit))[0]
        if len(wrong):
            raise _unreadable(column, offsets, int(wrong[0]), f"{values[wrong[0]]} lies outside 0 to {limit}", origin)
        return offsets, values.astype(dtype)
    if not _is_text(array.type):
        raise origin.column(column, f"wrong type {array.type}; expected text such as '12{separator}7{separator}7' or a "
                                    "list of whole numbers")
    wide = np.int64 if pa.types.is_large_string(array.type) else np.int32
    _, starts, data = array.buffers()
    starts = np.frombuffer(starts, wide)[array.offset:array.offset + len(array) + 1].astype(np.int64)
    data = np.frombuffer(data, np.uint8) if data is not None else np.zeros(0, np.uint8)
    valid = np.ones(len(array), bool) if array.null_count == 0 else array.is_valid().to_numpy(zero_copy_only=False)
    # Pages that no item reaches are never touched; round sizes fit where the last batch's array was.
    room = int(starts[-1] - starts[0]) + len(array) + 1
    out = np.empty(-(-room // _ROOM) * _ROOM, dtype)
    offsets, fault, row, byte = parse_numbers(data, starts, valid, ord(separator), limit, out)
    if fault != OK:
        end = min(starts[row + 1], byte + 40)
        item = bytes(data[byte:end]).decode("utf-8", "replace").split(separator)[0].strip()
        what = (f"'{item}' is greater than {limit}; use items: text for such ids" if fault == TOO_LARGE
                else f"'{item}' is not a whole number" if item else "an item is empty")
        raise origin.value(column, row, f"{what}; expected whole numbers with '{separator}' between")
    return offsets, out[:offsets[-1]]


def _words(array: pa.Array, separator: str, column: str, origin: Origin) -> tuple[np.ndarray, pa.Array]:
    array = readable(_plain(array), column, origin)
    if _is_text(array.type):
        array = pc.utf8_trim_whitespace(array)
        array = pc.if_else(pc.equal(array, ""), pa.scalar(None, array.type), array)
        array = pc.utf8_split_whitespace(array) if separator.isspace() else pc.split_pattern(array, separator)
    elif not (_is_list(array.type) and _is_text(array.type.value_type)):
        raise origin.column(column, f"wrong type {array.type}; expected text such as 'a{separator}b{separator}b' or a "
                                    "list of text")
    offsets, words = _list(array, column, origin)
    words = pc.utf8_trim_whitespace(words)
    empty = np.nonzero(pc.equal(words, "").to_numpy(zero_copy_only=False))[0]
    if len(empty):
        what = f"an item is empty; expected words with '{separator}' between"
        raise _unreadable(column, offsets, int(empty[0]), what, origin)
    return offsets, words


def _list(array: pa.Array, column: str, origin: Origin) -> tuple[np.ndarray, pa.Array]:
    """(offsets, items) of a list column; a null list has no items, a null item is an error."""
    lengths = pc.list_value_length(array).fill_null(0).to_numpy(zero_copy_only=False)
    offsets = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
    items = array.flatten()
    if items.null_count:
        first = int(np.nonzero(items.is_null().to_numpy(zero_copy_only=False))[0][0])
        raise _unreadable(column, offsets, first, "an item of the list is null", origin)
    return offsets, items


def _unreadable(column: str, offsets: np.ndarray, item: int, what: str, origin: Origin) -> InputError:
    return origin.value(column, int(np.searchsorted(offsets, item, side="right")) - 1, f"{what}; mend the row")
