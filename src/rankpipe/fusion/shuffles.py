"""A control trained several times: what it scores is chance twice over, that of the queries and that of the shuffle.

One net that learnt from noise still prefers something, and by that luck stands above or below a random order by more
than queries alone would explain. So a control is trained on several shuffles, and its distance from a random order is
drawn again over both.
"""

from dataclasses import replace

import numpy as np

from rankpipe.fusion import scoring
from rankpipe.fusion.batches import Examples
from rankpipe.fusion.fitting import Recipe, fit_on
from rankpipe.training.devices import resolve


def repeated(recipe: Recipe, train: Examples, valid: Examples, test: Examples, name: str) -> dict[str, np.ndarray]:
    """``score_1`` … (m,) float32: test as scored by nets trained on further shuffles, ``repeats`` − 1 of them.

    A run that is killed starts them over: each takes seconds.

    Raises:
        InputError: a loss or a score that is no number.
    """
    found = {}
    for k in range(1, recipe.params.repeats):
        other = replace(recipe, machine=replace(recipe.machine, seed=recipe.machine.seed + k))
        fitted = fit_on(other, train, valid, name=f"{name}, shuffle {k + 1}")
        scorer = scoring.scorer_of(recipe.model, fitted.model, train.inputs, resolve(recipe.machine.device))
        found[f"score_{k}"] = scoring.score_all(scorer, test)
    return found
