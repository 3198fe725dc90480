"""surprise's SVD, fitted on train, rating the rows of valid and test; runs in the environment of the peers.

    .venv-peers-recommend/bin/python benchmarks/peer_ratings.py SETTINGS.json

Settings: ``rows`` (an .npz of train_users, train_items, train_ratings and the same of valid and test; −1 is a user or
item that train doesn't hold), ``params``, ``scale``, ``seed``, ``out``. Prints one JSON line: seconds.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
from surprise import SVD, Dataset, Reader


def main(settings_file: str) -> None:
    settings = json.loads(Path(settings_file).read_text())
    with np.load(settings["rows"]) as found:
        rows = {split: [found[f"{split}_{name}"] for name in ("users", "items", "ratings")]
                for split in ("train", "valid", "test")}  # fmt: skip
    import pandas as pd

    frame = pd.DataFrame(dict(zip(("user", "item", "rating"), rows["train"], strict=True)))
    train = Dataset.load_from_df(frame, Reader(rating_scale=tuple(settings["scale"]))).build_full_trainset()
    model = SVD(random_state=settings["seed"], **settings["params"])
    began = time.perf_counter()
    model.fit(train)
    said = {"train": time.perf_counter() - began}
    rated = {split: np.array([model.predict(user, item).est for user, item in zip(*rows[split][:2], strict=True)])
             for split in ("valid", "test")}  # fmt: skip
    np.savez(settings["out"], **rated)
    print(json.dumps(said))


if __name__ == "__main__":
    main(*sys.argv[1:])
