"""Small inputs and rows for the tests of the rating track's models."""

import numpy as np
import torch

from rankpipe.rating.inputs import Batch, Inputs
from rankpipe.rating.models import model_class
from rankpipe.rating.models.rows import Rows

INPUTS = Inputs({"user_text": 3, "user_stats": 2}, {"item_text": 4, "item_stats": 1}, 20, 12, 1.0, 5.0, 3.4)
SHUFFLED = Inputs(dict(reversed(INPUTS.user_blocks.items())), dict(reversed(INPUTS.item_blocks.items())), 20, 12, 1.0,
                  5.0, 3.4)
"""The same data, its blocks in another order."""


def batch(rows: int, seed: int = 0, inputs: Inputs = INPUTS, cold: bool = True) -> Batch:
    """Rows with ratings that depend on ids and on blocks; with ``cold``, some ids are unknown ones."""
    rng = np.random.default_rng(seed)
    users = rng.integers(0, inputs.n_users + cold, rows)
    items = rng.integers(0, inputs.n_items + cold, rows)
    columns = {name: rng.normal(size=(rows, inputs.blocks[name])).astype(np.float32) for name in sorted(inputs.blocks)}
    effect = np.linspace(-1, 1, inputs.n_users + 1)[users] + np.linspace(1, -1, inputs.n_items + 1)[items]
    effect = effect + 0.5 * columns["user_text"][:, 0] - 0.5 * columns["item_text"][:, 1]
    ratings = np.clip(np.rint(3.4 + effect + 0.3 * rng.normal(size=rows)), 1, 5).astype(np.float32)
    return Batch(torch.from_numpy(users), torch.from_numpy(items),
                 {name: torch.from_numpy(columns[name]) for name in inputs.blocks}, torch.from_numpy(ratings))


def chosen(rows: Batch, index: list[int]) -> Batch:
    """Some of the rows."""
    return Batch(rows.users[index], rows.items[index], {n: b[index] for n, b in rows.blocks.items()},
                 rows.ratings[index])


def split(rows: Batch, step: int = 64) -> Rows:
    """The batch as a split for models that aren't modules."""
    def batches():
        for start in range(0, len(rows), step):
            yield chosen(rows, list(range(start, min(start + step, len(rows)))))

    return Rows(rows.users.numpy(), rows.items.numpy(), rows.ratings.numpy(), batches)


def fitted(name: str, inputs: Inputs = INPUTS, seed: int = 3, **options):
    """A net of lively random weights in evaluation mode, or another model fitted on 400 rows (train has no cold id)."""
    cls = model_class(name)
    params = cls.Params(**options)
    if cls.neural:
        torch.manual_seed(seed)
        model = cls(inputs, params)
        for p in model.parameters():
            if p.ndim > 1:
                p.data *= 3
        for module in model.modules():  # an unknown id stays at zero
            if isinstance(module, torch.nn.Embedding):
                module.weight.data *= 20
        return model.eval()
    rows = batch(400, 1, inputs, cold=False), batch(150, 2, inputs)
    return cls(inputs, params).fit(*map(split, rows), seed=seed, threads=1)


def rate(model, rows: Batch) -> np.ndarray:
    """(B,) of any model."""
    if not model.neural:
        return model.ratings(rows)
    with torch.inference_mode():
        return model(rows).numpy()
