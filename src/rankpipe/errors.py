"""Errors that a person reads: one line that names the file, the key and the remedy."""

import difflib
from collections.abc import Iterable


class InputError(Exception):
    """Something the user can mend: a file, a column, a value, a parameter.

    The message is one line. Stage scripts and commands print it as ``error: …`` and exit with status 1; library
    callers get an exception of this type.
    """

    def __init__(self, message: str):
        super().__init__(" ".join(message.split()))


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint for a misspelt ``name``: the nearest of ``known``, else all of them."""
    known = sorted(str(k) for k in known)
    close = difflib.get_close_matches(str(name), known, n=1, cutoff=0.6)
    if close:
        return f"did you mean '{close[0]}'?"
    return "known: " + ", ".join(known) if known else "none are known"
