"""What the contact sheet shows: the first candidates of a few queries, in the starting order and in a model's."""

from dataclasses import dataclass

import numpy as np

from rankpipe.fusion.dataset import Dataset
from rankpipe.fusion.judging import Asked
from rankpipe.fusion.source import Source
from rankpipe.io.images import read_image
from rankpipe.params import bounded
from rankpipe.plots import contact as picture


@dataclass(frozen=True)
class Contact:
    """The block ``fusion.evaluate.contact`` of params.yaml."""

    queries: int = bounded(4, low=0, high=12)
    """Of test, the first by id: nobody picks those that look well."""
    candidates: int = bounded(6, low=1, high=12)
    """The first of each order."""
    edge: int = bounded(96, low=16, high=512)
    """Pixels of an image's side on the sheet."""


def sheet(settings: Contact, data: Dataset, asked: Asked, raw: Source,
          orders: dict[str, np.ndarray]) -> list[picture.Asked]:
    """Reads the images that the sheet needs, and no others.

    Args:
        asked: the slates of test.
        orders: who ordered → (m,) scores.

    Raises:
        InputError: an image is damaged.
    """
    codes, slates, found = data.queries.of("test"), asked.slates, []
    ranked = {name: asked.order(scores) for name, scores in orders.items()}
    for q in range(min(settings.queries, len(slates))):
        bound = (data.queries.constraints[codes[q]] >= 0).any()
        rows = slice(slates.offsets[q], min(slates.offsets[q] + settings.candidates, slates.offsets[q + 1]))
        found.append(picture.Asked(f"“{data.queries.texts[codes[q]]}”", _needs(data, codes[q]), {
            name: [_shown(settings, data, asked, raw, row, bound) for row in order[rows].tolist()]
            for name, order in ranked.items()}))
    return found


def _needs(data: Dataset, query: int) -> str:
    names = list(data.candidates.attributes)
    wanted = [f"{names[a]} {data.candidates.attributes[names[a]][code]}"
              for a, code in enumerate(data.queries.constraints[query].tolist()) if code >= 0]
    return f"must be: {', '.join(wanted)}" if wanted else ""


def _shown(settings: Contact, data: Dataset, asked: Asked, raw: Source, row: int, bound: bool) -> picture.Shown:
    path = raw.there(data.candidates.images[asked.slates.candidates[row]])
    return picture.Shown(None if path is None else read_image(path, settings.edge), int(asked.slates.grades[row]),
                         bool(asked.meets[row]) if bound else None)
