"""Small inputs for the models of track topk: a checkerboard whose answer all must find, and fields of every kind."""

from dataclasses import replace
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from rankpipe.topk.fields import Field, field
from rankpipe.topk.fitting import Fitted, Recipe, Validation, fit_on
from rankpipe.topk.inputs import Inputs
from rankpipe.topk.models import model_class
from rankpipe.topk.scoring import Scorer, scorer
from rankpipe.training.params import Training
from rankpipe.training.settings import Machine

QUICK: dict[str, dict[str, Any]] = {
    "pop": {}, "itemknn": {}, "ease": {"regularization": 1.0},
    "als": {"embedding_dim": 4, "epochs": 5, "unobserved": 0.3, "regularization": 0.01},
    "mf": {"embedding_dim": 2}, "lmf": {"embedding_dim": 2}, "fm": {"embedding_dim": 2}, "lfm": {"embedding_dim": 2},
    "deepfm": {"embedding_dim": 8, "hidden_dims": (8,), "negatives": 2},
    "cfm": {"embedding_dim": 4, "channels": 4, "attention_dim": 4, "init_std": 0.3},
}
"""Parameters that learn the checkerboard in a moment."""
TRAINING = Training(epochs=30, batch_size=8, lr=0.05, schedule="constant", patience=30)
"""Of models whose batches are of users."""
OF_PAIRS = replace(TRAINING, batch_size=40, lr=0.03, embedding_l2=0.01)


def checkerboard(users: int = 24, items: int = 12) -> tuple[csr_matrix, np.ndarray]:
    """Even users took even items, odd ones odd items, each all but one; (U, I), and (U,) the one left out."""
    left = (np.arange(users) // 2 * 2 + np.arange(users) % 2) % items
    taken = (np.arange(users)[:, None] + np.arange(items)) % 2 == 0
    taken[np.arange(users), left] = False
    return csr_matrix(taken.astype(np.float32)), left


def fields(rows: int, wide: int = 2989, seed: int = 0) -> tuple[Field, Field]:
    """A field of one value a row that some lack, and a multi-hot one of ``wide`` values, all of which the last row
    holds and the first none."""
    generator = np.random.default_rng(seed)
    single = field("single", 5, np.arange(1, rows), generator.integers(0, 5, rows - 1), rows)
    many = np.concatenate([np.repeat(np.arange(1, rows - 1), 3), np.full(wide, rows - 1)])
    values = np.concatenate([generator.integers(0, wide, 3 * max(rows - 2, 0)), np.arange(wide)])
    return single, field("many", wide, many, values, rows)


def plain(taken: csr_matrix) -> Inputs:
    return Inputs(*taken.shape)


def with_fields(taken: csr_matrix) -> Inputs:
    return Inputs(*taken.shape, fields(taken.shape[0], seed=1), fields(taken.shape[1], seed=2))


def recipe(name: str, seed: int = 3, epochs: int | None = None, **params: Any) -> Recipe:
    model = model_class(name)
    training = TRAINING if model.separable else OF_PAIRS
    found = Recipe(name, model.Params(**(QUICK[name] | params)), training, Machine(seed, 1, "cpu"))
    return found if epochs is None else found.of_epochs(epochs)


def trained(name: str, taken: csr_matrix, inputs: Inputs | None = None, seed: int = 3,
            validation: Validation | None = None, **params: Any) -> tuple[Fitted, Scorer]:
    """The model fitted on ``taken``, and its scorer; ``epochs`` may stand among ``params``."""
    how, inputs = recipe(name, seed, **params), inputs or plain(taken)
    found = fit_on(how, inputs, taken, validation=validation)
    return found, scorer(name, how.params, inputs, found.state, taken)
