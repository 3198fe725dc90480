"""What an image looks like in fixed numbers: colours, where they lie, edges, and the outlines of what stands out.

Nothing here is fitted. Outlines are described without their place, size and direction: distances from the centre
(Persoon and Fu, 1977, as Fourier descriptors), and how full and how compact a figure is. Figures are what differs from
the colour of the image's border, split off by Otsu's threshold (1979).
"""

import numpy as np
from scipy import ndimage

ANGLES, HARMONICS, RINGS, MOST = 32, 8, 6, 6
"""Directions in which an outline is measured, Fourier terms kept, rings around a centre, figures counted apart."""
LEAST = 0.006
"""Share of the image below which a figure is a speck."""
_SIDES = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], bool)


def looks(image: np.ndarray) -> dict[str, np.ndarray]:
    """Blocks of numbers by name, always of the same lengths.

    Args:
        image: (edge, edge, 3) uint8, edge a multiple of 8.
    """
    x = image.astype(np.float64) / 255
    mask, ground = figures(x)
    return {"layout": _layout(x), "colours": _colours(image), "edges": _edges(x.mean(2)),
            "contrast": np.concatenate([ground, _mean_colour(x, mask, ground)]), **_outlines(mask)}


def figures(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(edge, edge) bool: what stands out; and (3,) the colour of the border, which it stands out from."""
    border = np.concatenate([x[0], x[-1], x[1:-1, 0], x[1:-1, -1]])
    ground = np.median(border, axis=0)
    away = np.linalg.norm(x - ground, axis=2)
    return away > _otsu(away), ground


def _otsu(values: np.ndarray) -> float:
    """The threshold that leaves the least variance within both sides, of 64; an even image has no other side."""
    top = float(values.max())
    if top < 0.05:
        return 1.0 + top
    counts, ends = np.histogram(values, 64, (0, top))
    middles = (ends[1:] + ends[:-1]) / 2
    below, above = np.cumsum(counts), np.cumsum(counts[::-1])[::-1]
    sums = np.cumsum(counts * middles)
    one = sums[:-1] / np.maximum(below[:-1], 1)
    two = (sums[-1] - sums[:-1]) / np.maximum(above[1:], 1)
    between = below[:-1].astype(np.float64) * above[1:] * (one - two) ** 2
    return float(ends[1 + int(between.argmax())])


def _layout(x: np.ndarray) -> np.ndarray:
    """Mean and spread of each colour in 4 × 4 cells."""
    cell = len(x) // 4
    cells = x[:4 * cell, :4 * cell].reshape(4, cell, 4, cell, 3)
    return np.concatenate([cells.mean((1, 3)).ravel(), cells.std((1, 3)).ravel()])


def _colours(image: np.ndarray) -> np.ndarray:
    """Square roots of the shares of 4 × 4 × 4 colours."""
    places = (image >> 6).reshape(-1, 3).astype(np.int64) @ [16, 4, 1]
    return np.sqrt(np.bincount(places, minlength=64) / len(places))


def _edges(grey: np.ndarray) -> np.ndarray:
    """Strength of edges by 8 directions in 4 × 4 cells, cell by cell of length 1 (Dalal and Triggs, CVPR 2005)."""
    down, right = np.gradient(grey)
    turn = ((np.arctan2(down, right) % np.pi) / np.pi * 8).astype(np.int64) % 8
    where = np.minimum(np.arange(len(grey)) * 4 // len(grey), 3)
    cell = where[:, None] * 4 + where[None]
    found = np.bincount((cell * 8 + turn).ravel(), np.hypot(down, right).ravel(), 128).reshape(16, 8)
    return (found / (np.linalg.norm(found, axis=1, keepdims=True) + 0.1)).ravel()


def _mean_colour(x: np.ndarray, mask: np.ndarray, otherwise: np.ndarray) -> np.ndarray:
    inner = ndimage.binary_erosion(mask)
    at = inner if inner.any() else mask
    return x[at].mean(0) if at.any() else otherwise


def _outlines(mask: np.ndarray) -> dict[str, np.ndarray]:
    """How many figures there are and how large, and the mean outline of them."""
    labels, count = ndimage.label(mask, np.ones((3, 3), bool))
    areas = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    kept = [label for label in range(1, count + 1) if areas[label - 1] >= LEAST * mask.size]
    number = np.zeros(MOST + 1)
    number[min(len(kept), MOST)] = 1
    shares = np.sort([areas[label - 1] / mask.size for label in kept])[::-1]
    sizes = [shares.sum(), *((shares.max(), np.median(shares)) if len(kept) else (0.0, 0.0))]
    found = [_outline(labels == label) for label in kept]
    outline = np.mean(found, 0) if found else np.zeros(HARMONICS + RINGS + 4)
    return {"number": number, "sizes": np.sqrt(sizes), "outline": outline}


def _outline(figure: np.ndarray) -> np.ndarray:
    """Of one figure, whatever its place, size and direction."""
    y, x = (part.astype(np.float64) for part in figure.nonzero())
    y, x = y - y.mean(), x - x.mean()
    distance = np.hypot(y, x)
    typical = np.sqrt((distance**2).mean()) or 1.0
    reach = _reach(y, x, distance)
    terms = np.abs(np.fft.rfft(reach / reach.mean()))[1:HARMONICS + 1] / len(reach)
    rings = np.histogram(distance / typical, RINGS, (0, 2.1))[0] / len(x)
    inside = figure & ndimage.binary_erosion(figure, _SIDES)
    rim = len(x) - int(inside.sum())
    holes = int(ndimage.binary_fill_holes(figure).sum()) - len(x)
    spread = np.linalg.eigvalsh(np.cov(np.stack([y, x]))) if len(x) > 2 else np.ones(2)
    return np.concatenate([terms, rings, [rim / np.sqrt(len(x)), holes / len(x), len(x) / (np.pi * reach.max()**2),
                                          max(spread[0], 0.0) / max(spread[1], 1e-9)]])


def _reach(y: np.ndarray, x: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """(ANGLES,) how far the figure reaches in each direction, straight lines between those where it has a pixel."""
    turn = np.floor((np.arctan2(y, x) / (2 * np.pi) % 1) * ANGLES).astype(np.int64) % ANGLES
    far = np.zeros(ANGLES)
    np.maximum.at(far, turn, distance + 0.5)
    known = far.nonzero()[0]
    return np.interp(np.arange(ANGLES), known, far[known], period=ANGLES)
