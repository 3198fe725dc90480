"""Where values come from, so that an error can name the file, the column and the row."""

from dataclasses import dataclass

import numpy as np

from rankpipe.errors import InputError


@dataclass(frozen=True)
class Origin:
    """A block of rows of one file or frame."""

    name: str
    rows: np.ndarray
    """(n,) position of each row, counted from 0."""

    def column(self, column: str, what: str) -> InputError:
        """The error to raise for a whole column."""
        return InputError(f"{self.name}: column '{column}': {what}")

    def value(self, column: str, i: int, what: str) -> InputError:
        """The error to raise for the i-th row of the block."""
        return InputError(f"{self.name}: column '{column}', row {self.rows[i]} (the first is 0): {what}")
