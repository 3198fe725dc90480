"""Progress bars with rate and time left, on standard error; a line every few seconds where there is no terminal."""

import sys
from collections.abc import Iterable
from typing import Any

from tqdm import tqdm


def bar(total: int | None, desc: str, unit: str = "row", iterable: Iterable[Any] | None = None, **kwargs: Any) -> tqdm:
    """A tqdm bar in this project's style; use as a context manager and call ``update(n)``, or iterate."""
    terminal = sys.stderr.isatty()
    return tqdm(iterable, total=total, desc=desc, unit=f" {unit}s", unit_scale=True, dynamic_ncols=True,
                mininterval=0.2 if terminal else 5.0, ascii=not terminal, leave=True, **kwargs)
