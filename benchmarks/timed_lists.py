"""Top-10 lists of the users of test by a model that the train stage left: ``timed_lists.py SETTINGS.json`` in its
workspace.

Settings: ``model``, ``out``, and ``refit``: whether it is fitted anew on train and valid together, for as many epochs
as were best on valid. Prints one JSON line: seconds of recommending and, of a refit, of fitting.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from rankpipe import params, paths
from rankpipe.topk.dataset import read
from rankpipe.topk.fitting import Recipe, fit_on
from rankpipe.topk.recommend import recommend
from rankpipe.topk.scoring import epochs, load_model, scorer
from rankpipe.topk.train import inputs_of

SIZE, K = "full", 10


def main(settings_file: str) -> None:
    settings = json.loads(Path(settings_file).read_text())
    data, folder = read(SIZE), paths.model(SIZE, "topk", settings["model"])
    known, said = data.seen("test"), {}
    users = np.flatnonzero(np.diff(data.test.offsets))
    model: Any
    if settings["refit"]:
        recipe = Recipe.read(params.load(), settings["model"]).of_epochs(epochs(folder))
        began = time.perf_counter()
        fitted = fit_on(recipe, inputs_of(data), known)
        said["fit"] = time.perf_counter() - began
        model = scorer(recipe.name, recipe.params, inputs_of(data), fitted.state, known)
    else:
        model = load_model(folder, data.history)
    recommend(model, users[:1], known, K)  # compiles
    began = time.perf_counter()
    lists, _ = recommend(model, users, known, K)
    said["recommend"] = time.perf_counter() - began
    np.savez(settings["out"], users=users, lists=lists)
    print(json.dumps(said))


if __name__ == "__main__":
    main(*sys.argv[1:])
