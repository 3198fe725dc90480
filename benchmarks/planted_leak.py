"""What a leak of text is worth: ``planted_leak.py SPLIT.txt`` in a workspace whose features took all rows for train,
the hidden ones among them (but for a few that the stages need elsewhere).

Read as they are, a row's profiles hold the very review that is to be predicted: the leak. With its own review taken
out of them, they hold the user's and the item's other reviews alone. Ridge regression on both, fitted on the true
train rows. The other hidden rows' reviews stand in the profiles of both, so the second figure is no result.
Prints one JSON line: the RMSE of both, and of the mean, on the true test rows.
"""

import json
import sys
from pathlib import Path

import numpy as np
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

from rankpipe import paths
from rankpipe.rating import table
from rankpipe.rating.profiles import Profiles

SIZE, STRENGTH = "full", 3000


def main(split_file: str) -> None:
    rows, profiles = table.read(SIZE, "train"), Profiles.load(paths.features(SIZE, "rating"))
    split = np.array(Path(split_file).read_text().split())[rows.rows]
    train, test = split == "train", split == "test"
    mean = np.full(test.sum(), rows.ratings[train].mean())
    found = {"mean": _rmse(mean, rows.ratings[test]), "rows": int(test.sum())}
    for name, own in (("leak", None), ("own review taken out", np.arange(len(rows)))):
        matrix = StandardScaler().fit_transform(profiles.matrix(rows.users, rows.items, own))
        model = Ridge(alpha=STRENGTH).fit(matrix[train], rows.ratings[train])
        found[name] = _rmse(model.predict(matrix[test]), rows.ratings[test])
    print(json.dumps(found))


def _rmse(predicted: np.ndarray, given: np.ndarray) -> float:
    return float(np.sqrt(np.mean((predicted.astype(np.float64) - given) ** 2)))


if __name__ == "__main__":
    main(*sys.argv[1:])
