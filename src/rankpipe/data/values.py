"""Raw values of one column as text, numbers, labels or seconds, whatever plain Arrow type they come in."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rankpipe.data.origin import Origin


def text(array: pa.Array, column: str, origin: Origin) -> pa.Array:
    """The values of any plain type as text, null and NaN as null.

    Raises:
        InputError: a nested type, or text that isn't UTF-8.
    """
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if pa.types.is_floating(array.type):
        array = pc.if_else(pc.is_nan(array), pa.scalar(None, array.type), array)
    if pa.types.is_string(array.type) or pa.types.is_large_string(array.type):
        return readable(array, column, origin)
    try:
        return array.cast(pa.string())
    except pa.ArrowException as error:
        raise origin.column(column, f"wrong type {array.type}; expected text or plain numbers") from error


def readable(array: pa.Array, column: str, origin: Origin) -> pa.Array:
    """``array`` itself, text or lists of text, whose bytes nothing has looked at so far.

    Raises:
        InputError: not UTF-8.
    """
    try:
        array.validate(full=True)
    except pa.ArrowException as error:
        raise origin.column(column, "holds text that isn't UTF-8; write the file again") from error
    return array


def numbers(array: pa.Array, column: str, origin: Origin) -> np.ndarray:
    """(n,) of the column's own kind of number, floats with NaN where values are missing.

    Raises:
        InputError: not a column of numbers.
    """
    kind = array.type
    if pa.types.is_null(kind):
        return np.full(len(array), np.nan, np.float32)
    if pa.types.is_boolean(kind):
        array = array.cast(pa.int8())
    elif pa.types.is_decimal(kind):
        array = array.cast(pa.float64())
    elif not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        raise origin.column(column, f"wrong type {kind}; expected numbers: cast it, or give it another role in the "
                                    "schema")
    return array.to_numpy(zero_copy_only=False)


def read_label(array: pa.Array, column: str, origin: Origin) -> np.ndarray:
    """(n,) float32 of 0 and 1.

    Raises:
        InputError: wrong type, a missing value, or another one.
    """
    label = numbers(array, column, origin).astype(np.float32)
    wrong = np.nonzero((label != 0) & (label != 1))[0]
    if len(wrong):
        i = int(wrong[0])
        value = "missing" if np.isnan(label[i]) else f"{label[i]:g}"
        raise origin.value(column, i, f"the label is {value}; it must be 0 or 1, drop or mend the row")
    return label


def seconds(array: pa.Array, column: str, origin: Origin) -> np.ndarray:
    """(n,) int64 unix seconds, from whole numbers, floats or Arrow timestamps.

    Raises:
        InputError: another type, or a missing value.
    """
    if pa.types.is_timestamp(array.type):
        array = array.cast(pa.timestamp("s", array.type.tz), safe=False).cast(pa.int64())
    values = numbers(array, column, origin)
    wrong = np.nonzero(~np.isfinite(values))[0] if values.dtype.kind == "f" else ()
    if len(wrong):
        raise origin.value(column, int(wrong[0]), "the timestamp is missing; drop or mend the row")
    return values.astype(np.int64)
