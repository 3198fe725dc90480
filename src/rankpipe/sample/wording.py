"""How the generated shop and its customers speak of pictures: captions that leave things out, and wishes."""

import numpy as np

from rankpipe.sample.scenes import ASPECTS

DOMAINS = ("poster", "postcard", "sticker", "tile", "cushion")
SYNONYMS = {
    "disc": "circle", "square": "box", "triangle": "wedge", "star": "sparkle", "cross": "plus", "ring": "hoop",
    "red": "crimson", "orange": "amber", "yellow": "golden", "green": "emerald", "blue": "azure", "purple": "violet",
    "white": "snowy", "grey": "ashen", "black": "inky", "sand": "beige", "teal": "turquoise",
    "one": "single", "two": "double", "three": "triple", "four": "fourfold", "small": "tiny", "large": "big",
    "paper": "printed", "canvas": "woven", "metal": "steel", "wood": "timber",
    "matt": "dull", "glossy": "shiny", "embossed": "raised", "varnished": "lacquered",
}
"""Another word for each value; the price is never spoken of."""
_FIRST = ("Silent", "Golden", "Broken", "Hidden", "Distant", "Burning", "Frozen", "Lonely", "Secret", "Endless",
          "Pale", "Electric", "Gentle", "Hollow", "Midnight", "Restless", "Northern", "Velvet", "Wandering", "Quiet")
_SECOND = ("River", "Garden", "Promise", "Station", "Kingdom", "Winter", "Harbour", "Letter", "Shadow", "Orchard",
           "Machine", "Carnival", "Island", "Mirror", "Highway", "Song", "Mountain", "Empire", "Window", "Stranger")
_OPENINGS = ("A {domain} that shows", "{domain} with", "Our {domain} shows", "This {domain} has", "On the {domain}:")
_ASKING = ("{domain} with", "looking for a {domain} that has", "I want a {domain} with", "need a {domain} showing",
           "a {domain} please,")


def series(shelf: int) -> str:
    """A name of its own for each shelf."""
    first, rest = shelf % len(_FIRST), shelf // len(_FIRST)
    second, part = (rest + first) % len(_SECOND), rest // len(_SECOND)
    return f"{_FIRST[first]} {_SECOND[second]}{f' {part + 1}' if part else ''}"


def said(rng: np.random.Generator, aspect: str, value: int) -> str:
    """One of two words for it."""
    word = ASPECTS[aspect][value]
    return SYNONYMS[word] if rng.random() < 0.5 else word


def caption(rng: np.random.Generator, told: dict[str, str], name: str | None, number: int, domain: str) -> str:
    """What the shop writes: the words of ``told``, in a sentence of its own, with or without the series' name."""
    opening = _OPENINGS[rng.integers(len(_OPENINGS))].format(domain=domain)
    title = f"{name} no. {number}. " if name else f"No. {number}. "
    return f"{title}{opening[0].upper()}{opening[1:]} {_phrase(told)}."


def wish(rng: np.random.Generator, told: dict[str, str], name: str, domain: str) -> str:
    """What a customer writes."""
    return f"{name} {_ASKING[rng.integers(len(_ASKING))].format(domain=domain)} {_phrase(told)}"


def _phrase(told: dict[str, str]) -> str:
    figure = " ".join(told[a] for a in ("count", "size", "colour", "shape") if a in told)
    if "shape" not in told:
        figure = f"{figure} figures".strip()
    parts = [figure]
    if "ground" in told:
        parts.append(f"on {told['ground']} ground")
    if "material" in told:
        parts.append(f"made of {told['material']}")
    if "finish" in told:
        parts.append(f"{told['finish']} finish")
    return ", ".join(parts)
