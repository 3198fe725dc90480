"""Image files as a stream of decoded arrays: several threads decode ahead, memory holds a few images at a time.

Pillow decodes outside Python's lock, so that threads do it side by side. The order is that of the paths, whatever
finishes first: the number of threads changes no byte.
"""

import struct
import warnings
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from rankpipe.errors import InputError

AHEAD = 4
"""Images that wait or are being decoded, for each thread."""
_DAMAGE = (OSError, SyntaxError, ValueError, EOFError, struct.error, Image.DecompressionBombError)
"""What Pillow raises over bytes that make no image."""


def decoded(paths: Iterable[Path | None], edge: int, threads: int = 1) -> Iterator[np.ndarray | None]:
    """(edge, edge, 3) uint8 of each image, or None where the path is None.

    Args:
        edge: pixels; the whole image is squeezed into the square, by the mean of the pixels it covers.
        threads: that decode at a time.

    Raises:
        InputError: a file that is missing, damaged, cut short or no image, with its path.
    """
    if threads == 1:
        yield from (None if path is None else read_image(path, edge) for path in paths)
        return
    todo = iter(paths)
    waiting: deque[Future[np.ndarray | None]] = deque()
    pool = ThreadPoolExecutor(threads)
    try:
        while True:
            for path in islice(todo, threads * AHEAD - len(waiting)):
                waiting.append(pool.submit(lambda p: None if p is None else read_image(p, edge), path))
            if not waiting:
                return
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def read_image(path: Path, edge: int | None = None) -> np.ndarray:
    """(height, width, 3) uint8, or (edge, edge, 3): upright as the camera says, transparent parts on white.

    Raises:
        InputError: as :func:`decoded`.
    """
    if not path.is_file():
        raise InputError(f"{path}: not found; put the image there, or name none")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                if edge is not None:
                    image.draft("RGB", (2 * edge, 2 * edge))  # JPEG can leave out detail that the square won't show
                image.load()
                upright = ImageOps.exif_transpose(image)
                if upright.has_transparency_data:
                    upright = upright.convert("RGBA")
                    upright = Image.alpha_composite(Image.new("RGBA", upright.size, "white"), upright)
                plain = upright.convert("RGB")
                if edge is not None:
                    plain = plain.resize((edge, edge), Image.Resampling.BOX)
                return np.asarray(plain).copy()
    except _DAMAGE as error:
        raise InputError(f"{path}: not a whole image ({error}); mend or replace it, or name none") from error
