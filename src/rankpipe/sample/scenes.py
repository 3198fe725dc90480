"""The pictures of the generated shop: what is true of each, and how it looks.

Shape, colour, ground, count and size show in the image; material, finish and price don't. Whatever passes through a
sine is rounded, since its last bit differs between processors.
"""

from dataclasses import dataclass

import numpy as np

from rankpipe.sample.png import png

ASPECTS = {
    "shape": ("disc", "square", "triangle", "star", "cross", "ring"),
    "colour": ("red", "orange", "yellow", "green", "blue", "purple"),
    "ground": ("white", "grey", "black", "sand", "teal"),
    "count": ("one", "two", "three", "four"),
    "size": ("small", "large"),
    "material": ("paper", "canvas", "metal", "wood"),
    "finish": ("matt", "glossy", "embossed", "varnished"),
    "price": ("low", "middle", "high"),
}
NAMES = tuple(ASPECTS)
EDGE, COPY_EDGE = 40, 56
"""Pixels of a picture, and of a copy of one."""
_ON_SHELF = {"shape": 3, "colour": 3, "ground": 2, "count": 3, "size": 2, "material": 2, "finish": 2, "price": 2}
"""A shelf holds so many values of each aspect, so that a query finds some of its pictures right and most half right."""
_INK = {"red": (205, 40, 45), "orange": (235, 130, 30), "yellow": (235, 210, 50), "green": (50, 150, 60),
        "blue": (45, 85, 200), "purple": (130, 50, 160)}
_GROUND = {"white": (244, 244, 240), "grey": (150, 150, 152), "black": (28, 28, 32), "sand": (222, 196, 150),
           "teal": (40, 128, 130)}
_RADIUS = {"small": 0.12, "large": 0.21}
_SLOTS = np.array([(0.27, 0.27), (0.73, 0.27), (0.27, 0.73), (0.73, 0.73)])
_SHADES, _LIGHT = 5, 9.0


@dataclass(frozen=True)
class Scenes:
    """n pictures."""

    values: np.ndarray
    """(n, 8) int: value of each aspect in :data:`ASPECTS`."""
    centres: np.ndarray
    """(n, 4, 2) of the figures, in shares of the edge; as many count as the picture has."""
    turns: np.ndarray
    """(n, 4) in eighths of a full turn."""
    tints: np.ndarray
    """(n, 2, 3) how far ink and ground are off their colour, of 255."""
    edges: np.ndarray
    """(n,) pixels."""

    def word(self, i: int, aspect: str) -> str:
        return ASPECTS[aspect][self.values[i, NAMES.index(aspect)]]


def scenes(rng: np.random.Generator, n: int) -> Scenes:
    """The pictures of one shelf."""
    columns = []
    for name, values in ASPECTS.items():
        offered = rng.permutation(len(values))[:_ON_SHELF[name]]
        columns.append(offered[rng.integers(0, len(offered), n)])
    slots = np.stack([rng.permutation(4) for _ in range(n)])
    centres = _SLOTS[slots] + rng.uniform(-0.05, 0.05, (n, 4, 2))
    alone = np.array(columns).T[:, NAMES.index("count")] == 0
    centres[alone, 0] = rng.uniform(0.26, 0.74, (int(alone.sum()), 2))
    return Scenes(np.array(columns).T, centres, rng.integers(0, 8, (n, 4)), rng.uniform(-12, 12, (n, 2, 3)),
                  np.full(n, EDGE))


def copied(rng: np.random.Generator, into: Scenes, place: int, of: Scenes, which: int) -> Scenes:
    """``into`` whose picture ``place`` shows what ``of`` shows at ``which``: larger, and in a slightly other light."""
    arrays = {name: getattr(into, name).copy() for name in ("values", "centres", "turns", "tints", "edges")}
    for name in arrays:
        arrays[name][place] = getattr(of, name)[which]
    arrays["tints"][place] += rng.uniform(-4, 4, (2, 3))
    arrays["edges"][place] = COPY_EDGE
    return Scenes(**arrays)


def rendered(rng: np.random.Generator, scenes: Scenes, i: int) -> bytes:
    """A PNG of 16 colours: figures on a ground that grows darker downwards, both grainy, with some specks."""
    edge = int(scenes.edges[i])
    at = (np.arange(edge) + 0.5) / edge
    y, x = np.meshgrid(at, at, indexing="ij")
    figure = np.zeros((edge, edge), bool)
    radius = _RADIUS[scenes.word(i, "size")]
    for (cx, cy), turn in zip(scenes.centres[i, :1 + scenes.values[i, NAMES.index("count")]], scenes.turns[i],
                              strict=False):
        cos, sin = np.round(np.cos(turn * np.pi / 4), 4), np.round(np.sin(turn * np.pi / 4), 4)
        u, v = (x - cx) / radius, (y - cy) / radius
        figure |= _inside(scenes.word(i, "shape"), u * cos + v * sin, v * cos - u * sin)
    shade = np.clip(np.floor(y * 3 + rng.random((edge, edge)) * 2), 0, _SHADES - 1).astype(np.uint8)
    pixels = np.where(figure, shade + _SHADES, shade)
    specks = rng.random((edge, edge)) < 0.004
    pixels[specks] = 2 * _SHADES + rng.integers(0, 16 - 2 * _SHADES, int(specks.sum()))
    steps = _LIGHT * (1 - np.arange(_SHADES)[:, None])
    ink, ground = (np.array(which[scenes.word(i, aspect)]) + tint + steps for which, aspect, tint in (
        (_INK, "colour", scenes.tints[i, 0]), (_GROUND, "ground", scenes.tints[i, 1])))
    palette = np.concatenate([ground, ink, rng.integers(40, 216, (16 - 2 * _SHADES, 3))])
    return png(pixels.astype(np.uint8), np.clip(np.rint(palette), 0, 255))


def _inside(shape: str, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Where the figure of radius 1 is."""
    across, along = np.abs(u), np.abs(v)
    if shape == "square":
        return np.maximum(across, along) <= 0.82
    if shape == "triangle":
        return (v <= 0.55) & (1.7 * across <= v + 1)
    if shape == "star":
        return np.sqrt(across) + np.sqrt(along) <= 1.12
    if shape == "cross":
        return (np.minimum(across, along) <= 0.3) & (np.maximum(across, along) <= 1)
    distance = u * u + v * v
    return (distance <= 1) if shape == "disc" else (distance <= 1) & (distance >= 0.3)
