"""Near-duplicate groups among the judged candidates, by image and by text."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rankpipe import progress
from rankpipe.data.near import (
    EDGE,
    Links,
    image_signature,
    near_images,
    near_texts,
    normalised,
    text_signature,
)
from rankpipe.fusion.reading import Candidate
from rankpipe.fusion.source import Source
from rankpipe.io.images import decoded
from rankpipe.params import bounded


@dataclass(frozen=True)
class Near:
    """The block ``fusion.extract.near``: how alike two candidates must be to count as one."""

    image_bits: int = bounded(8, low=0, high=32)
    """Of the 64 bits of the perceptual hash, at most so many differ."""
    image_colour: float = bounded(12.0, low=0, high=255)
    """And the 8 × 8 thumbnails differ by at most so much of 255 on average."""
    text: float = bounded(0.8, above=0, high=1)
    """Or the texts share at least so much of their pairs of neighbouring words."""


@dataclass(frozen=True)
class Groups:
    """Of n candidates."""

    of: np.ndarray
    """(n,) int64: the lowest position of the candidate's group."""
    counts: dict[str, Any]
    """For the diagnostics."""


def group(found: list[Candidate], source: Source, near: Near, threads: int, title: str) -> Groups:
    """Decodes the images and compares all candidates. Memory: 1.2 KB a candidate, and a few images at a time.

    Raises:
        InputError: an image that is there and isn't whole.
    """
    by_image, by_text, links = Links(len(found)), Links(len(found)), Links(len(found))
    paths = [source.there(candidate.image) for candidate in found]
    for parts, own in ((_image_pairs(paths, near, threads, title), by_image), (_text_pairs(found, near), by_text)):
        for one, other in parts:
            for which in (own, links):
                which.add(one, other)
    groups = links.groups()
    return Groups(groups, {
        "images_not_named": sum(c.image is None for c in found),
        "images_not_there": sum(c.image is not None and path is None for c, path in zip(found, paths, strict=True)),
        "texts_missing": sum(c.text is None for c in found),
        "near_duplicates": {"by_image": _merged(by_image.groups()), "by_text": _merged(by_text.groups()),
                            "groups": int((np.bincount(groups) > 1).sum()),
                            "largest_group": int(np.bincount(groups).max(initial=0))}})


def _image_pairs(paths: list[Path | None], near: Near, threads: int, title: str,
                 ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    there = np.flatnonzero([path is not None for path in paths])
    signatures = np.zeros((len(there), 200), np.uint8)
    with progress.bar(len(there), title, unit="image") as bar:
        for row, pixels in enumerate(decoded((paths[i] for i in there), EDGE, threads)):
            signatures[row] = image_signature(pixels)
            bar.update(1)
    for one, other in near_images(signatures, near.image_bits, near.image_colour):
        yield there[one], there[other]


def _text_pairs(found: list[Candidate], near: Near) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    there = np.flatnonzero([bool(normalised(candidate.text or "")) for candidate in found])
    signatures = np.zeros((len(there), 128), np.uint64)
    for row, i in enumerate(there):
        signatures[row] = text_signature(found[i].text or "")
    for one, other in near_texts(signatures, near.text):
        yield there[one], there[other]


def _merged(groups: np.ndarray) -> int:
    """Candidates that have a near-duplicate."""
    return int((np.bincount(groups)[groups] > 1).sum())
