"""The frame of every stage script and command: arguments, one-line errors, exit status.

A stage is a verb; the work for a track lies in ``rankpipe.<track>.<verb>`` as a function named like the verb. Tracks
come in by being a package: nothing here names one.
"""

import errno
import importlib
import importlib.util
import pkgutil
import sys
from collections.abc import Callable
from typing import Any

import rankpipe
from rankpipe import params
from rankpipe.errors import InputError, nearest

TRACK_MARK = "extract"
GENERAL = ("sizes", "seed", "threads", "device", "jobs")
"""Keys of params.yaml that belong to no track."""


def tracks() -> list[str]:
    """Names of the packages that hold pipeline verbs."""
    return sorted(m.name for m in pkgutil.iter_modules(rankpipe.__path__)
                  if m.ispkg and importlib.util.find_spec(f"rankpipe.{m.name}.{TRACK_MARK}"))


def verb(track: str, name: str) -> Callable[..., Any]:
    """The function that does ``name`` for ``track``.

    Raises:
        InputError: no such track, the track has no such verb, or params.yaml holds a key that nobody reads.
    """
    if track.isidentifier() and importlib.util.find_spec(f"rankpipe.{track}"):
        if importlib.util.find_spec(f"rankpipe.{track}.{name}"):
            _check_keys(track)
            # Without a look at the other tracks: what they hold must not decide how this one runs.
            return getattr(importlib.import_module(f"rankpipe.{track}.{name}"), name)
        if track in tracks():
            raise InputError(f"track '{track}' has no stage '{name}'")
    raise InputError(f"no track '{track}'; {nearest(track, tracks())}")


def _check_keys(track: str) -> None:
    """A stage reads its own blocks, and would never meet a misspelt one beside them."""
    values = params.load()
    for key in values:
        if key not in (*GENERAL, track) and key not in tracks():
            raise InputError(f"params.yaml: {key}: unknown parameter; {nearest(key, [*GENERAL, *tracks()])}")
    params.only(params.get(values, track), importlib.import_module(f"rankpipe.{track}").BLOCKS, f"params.yaml: {track}")


def run(main: Callable[..., Any], usage: str, arguments: list[str] | None = None) -> None:
    """Calls ``main`` with the words of the command line and ends the process.

    Exit status 0 when it returns, 1 with one line on standard error for an :class:`InputError` or a full disk, 2 for a
    wrong number of words. Anything else is a fault of ours and keeps its traceback.
    """
    words = sys.argv[1:] if arguments is None else arguments
    if len(words) != len(usage.split()):
        print(f"error: expected {usage}, got {len(words)} words", file=sys.stderr)
        sys.exit(2)
    with one_line_errors():
        main(*words)


class one_line_errors:
    """Context: an :class:`InputError` or a full disk ends the process with one line and status 1."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, InputError):
            print(f"error: {error}", file=sys.stderr)
            sys.exit(1)
        if is_disk_full(error):
            print(f"error: no space left on the disk while writing {getattr(error, 'filename', None) or 'the output'}; "
                  "free some space and run again, nothing half-written was kept", file=sys.stderr)
            sys.exit(1)


def is_disk_full(error: BaseException | None) -> bool:
    """True for ENOSPC and EDQUOT, also as HDF5 and Arrow report them (by text)."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    text = str(error) if isinstance(error, (OSError, RuntimeError)) else ""
    return "No space left on device" in text or "errno = 28" in text
