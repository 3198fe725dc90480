"""What makes a click in the generated Toss rows: four independent parts of the true logit, each of unit variance.

Every part is a function of columns that stand in the file, so the logit is the best score any model can reach.
"""

import numpy as np

TOPICS = 4
SLOT_GROUPS = 2
WINDOW = 64
"""Newest items that can matter; an older one would weigh under 2⁻¹⁰ of the newest."""
HALF_LIFE = 6.0
"""Items after which a view counts half."""
COMMON = 0.75
"""How far all slots like the same topics; the rest of the affinity turns its sign with the slot's group."""
AFFINITY = np.array([COMMON * np.array([1, -1, 1, -1]) + np.sqrt(1 - COMMON**2) * sign * np.array([1, 1, -1, -1])
                     for sign in (1, -1)])
"""(slot group, topic)."""
WEIGHTS = {"history": 1.1, "categorical": 0.55, "numeric": 0.5, "sequence": 2.4}
ORDER_SHARE = 0.12
"""Share of the sequence part's variance that lies in the order of neighbouring topics."""
LIKED_SD, TURNED_SD = 5.3, 0.687
"""Measured standard deviations of the two terms, which bring them to unit variance."""
HISTORY_CORRELATION = 0.5
"""Correlation of each history column with its family's common factor."""


def history(normals: np.ndarray) -> np.ndarray:
    """(k, n) standard normals behind history columns of one family → (n,): their sum, the strongest linear signal."""
    k, rho = len(normals), HISTORY_CORRELATION
    return normals.sum(0) / np.sqrt(k * (1 - rho**2) + k**2 * rho**2)


def categorical(gender: np.ndarray, slot: np.ndarray, age: np.ndarray, hour: np.ndarray) -> np.ndarray:
    """Codes of n rows → (n,): gender and slot matter only together, age on its own, the hour as a wave."""
    together = np.where((gender + slot // SLOT_GROUPS) % 2 == 0, 1.0, -1.0)
    wave = np.sqrt(2) * np.cos((hour - 20) * (np.pi / 12))
    return 0.8 * together + 0.4 * np.where(age % 3 == 0, 1.4, -0.7) + 0.45 * wave


def numeric(bump: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Standard normals behind three columns → (n,): a parabola of one and the product of two, so nothing linear."""
    return np.sqrt(0.5) * ((bump**2 - 1) / np.sqrt(2) + left * right)


def sequence(topics: np.ndarray, ends: np.ndarray, lengths: np.ndarray, slot: np.ndarray) -> np.ndarray:
    """The part that needs the items, their order and the slot the ad is shown in.

    Args:
        topics: (T,) topic of each item, rows end to end, oldest first.
        ends: (n,) position after the last item of each row in ``topics``.
        lengths: (n,) ≥ 1.
        slot: (n,) code of ``inventory_id``.

    Returns:
        (n,): affinity of the slot's group to the recent topics, the newest weighing most, and the turns between
        neighbouring topics: one step up the ring of topics counts for a click, one step down against it.
    """
    age = np.arange(WINDOW)
    real = age[None, :] < lengths[:, None]
    recent = topics[np.where(real, ends[:, None] - 1 - age[None, :], 0)]  # (n, WINDOW), newest first
    decay = 0.5 ** (age / HALF_LIFE)
    liked = AFFINITY[(slot % SLOT_GROUPS)[:, None], recent] * real * decay
    turn = (recent[:, :-1].astype(np.int8) - recent[:, 1:].astype(np.int8)) % TOPICS
    turned = ((turn == 1).astype(np.float64) - (turn == TOPICS - 1)) * real[:, 1:] * decay[:-1]
    return np.sqrt(1 - ORDER_SHARE) * liked.sum(1) / LIKED_SD + np.sqrt(ORDER_SHARE) * turned.sum(1) / TURNED_SD
