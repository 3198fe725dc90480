"""Looks for leaks in finished profiles: ``python -m rankpipe.rating.audit SIZE``, and at the end of the features stage.

For a sample of rows of every split the profiles are made once more from the table's raw texts and ratings, by plain
sums over the reviews that a row may know, and compared. A profile that holds its row's own review, one of valid or
test, or with ``history: past`` a later one, differs.
"""

from pathlib import Path

import numpy as np

from rankpipe import paths
from rankpipe.rating import table
from rankpipe.rating.aspects import Aspects, AspectScorer, scorer
from rankpipe.rating.profiles import SIDES, Profiles
from rankpipe.rating.text import TextEncoder
from rankpipe.stage import run

SAMPLE = 64
"""Rows of each split."""
TOLERANCE = 1e-3
"""Of float32 and fixed point; a review more or less moves some column of a profile by a multiple."""


class LeakError(Exception):
    """A profile isn't made of the reviews that it may be made of."""


def check_leaks(size: str, folder: Path | None = None, judge: AspectScorer | None = None, seed: int = 0) -> int:
    """Compares a sample of the profiles in ``folder`` (the size's features) with sums over raw reviews.

    Args:
        judge: the aspect scorer, where it is loaded already.

    Returns:
        How many rows were compared.

    Raises:
        LeakError: one differs.
        InputError: table or features are missing or damaged.
    """
    profiles = Profiles.load(folder or paths.features(size, table.TRACK))
    train = table.read(size, "train")
    encode = _encoder(profiles, judge)
    compared = 0
    for split in table.SPLITS:
        rows = train if split == "train" else table.read(size, split)
        generator = np.random.Generator(np.random.Philox(key=seed))
        chosen = np.sort(generator.choice(len(rows), min(SAMPLE, len(rows)), replace=False))
        times = None if rows.times is None else rows.times[chosen]
        own = chosen if split == "train" else None
        found = profiles.blocks(rows.users[chosen], rows.items[chosen], own, times)
        for side in SIDES:
            codes, reviewed = ((rows.users, train.users) if side == "user" else (rows.items, train.items))
            expected = _by_hand(size, profiles, side, codes[chosen], reviewed, own, times, train, encode)
            for block, values in expected.items():
                _compare(f"{split} rows", block, chosen, found[block], values)
        compared += len(chosen)
    return compared


def _encoder(profiles: Profiles, judge: AspectScorer | None) -> tuple[TextEncoder | None, AspectScorer | None]:
    text, aspects = profiles.about.text, profiles.about.aspects
    encoder = TextEncoder({t: text["terms"][t] for t in sorted(text["terms"])}, text["reviews"]) if text else None
    if aspects and judge is None:
        judge = scorer(Aspects(**{k: v for k, v in aspects.items() if k in Aspects.__dataclass_fields__}))
    return encoder, judge


def _by_hand(size: str, profiles: Profiles, side: str, codes: np.ndarray, reviewed: np.ndarray, own: np.ndarray | None,
             times: np.ndarray | None, train: table.Ratings,
             encode: tuple[TextEncoder | None, AspectScorer | None]) -> dict[str, np.ndarray]:
    """Block → (B, columns) of ``codes`` (B,), from the texts and ratings of train; stats only their first two."""
    may = reviewed[None] == codes[:, None]  # (B, n)
    if own is not None:
        may[np.arange(len(own)), own] = False
    if profiles.about.history == "past" and times is not None:
        may &= train.times[None] < times[:, None]
    counts = may.sum(1)
    cold = np.ones_like(may)
    if own is not None:
        cold[np.arange(len(own)), own] = False
    expected = {f"{side}_stats": _stats(profiles, side, codes, may @ train.ratings.astype(np.float64), counts)}
    made = [part for part in encode if part is not None]
    if not made:
        return expected
    weights = np.where(counts[:, None] > 0, may, cold)
    summed = [np.zeros((len(codes), len(part.columns))) for part in made]
    start = 0
    for texts in table.texts(size, "train"):
        mine = weights[:, start:start + len(texts)]
        used = np.flatnonzero(mine.any(0))
        some = [texts[i] for i in used]
        for total, part in zip(summed, made, strict=True):
            total += mine[:, used].astype(np.float64) @ part(some).toarray() if some else 0
        start += len(texts)
    names = [name for name, part in zip(("text", "aspects"), encode, strict=True) if part is not None]
    sizes = np.maximum(weights.sum(1, keepdims=True), 1)
    expected.update({f"{side}_{name}": total / sizes for name, total in zip(names, summed, strict=True)})
    return expected


def _stats(profiles: Profiles, side: str, codes: np.ndarray, ratings: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """(B, 2), from what the files say of reviews that are in no split, and the ratings of train that a row may know."""
    kept = profiles.sides[side]
    out = np.zeros((len(codes), 2))
    for i, code in enumerate(codes.tolist()):
        beyond, rated, sum_beyond = kept.table.unseen[:, code] if 0 <= code < len(kept.table) else (0, 0, 0)
        mean, deviation = kept.scaling.mean, kept.scaling.deviation
        if beyond + counts[i] > 0 and deviation[0] > 0:
            out[i, 0] = (np.log(1 + beyond + counts[i]) - mean[0]) / deviation[0]
        if rated + counts[i] > 0 and deviation[1] > 0:
            out[i, 1] = ((sum_beyond + ratings[i]) / (rated + counts[i]) - mean[1]) / deviation[1]
    return out


def _compare(rows: str, block: str, chosen: np.ndarray, found: np.ndarray, expected: np.ndarray) -> None:
    wrong = np.abs(found[:, :expected.shape[1]] - expected).max(1, initial=0) > TOLERANCE
    if wrong.any():
        raise LeakError(f"{block} of {rows} {chosen[wrong][:5].tolist()}: not the mean of the reviews that the rows "
                        "may know; their own, hidden or later ones are among them")


def main(size: str) -> None:
    """The command."""
    print(f"{check_leaks(size)} rows compared, no leak")


if __name__ == "__main__":
    run(main, "SIZE")
