"""FuxiCTR's training and prediction, timed; runs in the environment of the peers.

    .venv-peers/bin/python benchmarks/peer_training.py SETTINGS.json

Settings: ``folder`` (what peer_preprocess.py wrote), ``model``, ``task`` (train or predict), ``max_len``,
``batch_size``, ``warm``, ``steps``, ``loader`` (parquet or npz), and the model's arguments. Its own loader, ``fit``
and ``predict`` run unchanged over an iterator that ends after ``warm + steps`` batches; the clock runs from the end
of the warm-up to the end of the last step. Prints one JSON line: rows, seconds.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import peer_models
import pyarrow.parquet as pq
import torch
from fuxictr.features import FeatureMap
from fuxictr.pytorch.dataloaders import RankDataLoader


class Limited:
    """The first ``limit`` batches of a loader, and the moment at which each was asked for."""

    def __init__(self, loader, limit: int):
        self.loader, self.limit, self.asked = loader, limit, []

    def __len__(self) -> int:
        return self.limit

    def __iter__(self):
        batches = iter(self.loader)
        while len(self.asked) < self.limit:
            self.asked.append(time.perf_counter())
            yield next(batches)
        self.asked.append(time.perf_counter())


def as_npz(folder: Path, feature_map: FeatureMap) -> str:
    """FuxiCTR's other format, for its loader on torch's DataLoader; written once."""
    names = [*feature_map.features, *feature_map.labels]
    path = folder / f"train-{len(names)}.npz"
    if not path.exists():
        table = pq.read_table(folder / "train.parquet", columns=names)
        arrays = {name: table[name].to_numpy() for name in names}
        np.savez(path, **{name: np.stack(a) if a.dtype == object else a for name, a in arrays.items()})
    return str(path)


def main(settings_file: str) -> None:
    settings = json.loads(Path(settings_file).read_text())
    torch.set_num_threads(1)
    torch.manual_seed(7)
    folder = Path(settings["folder"])
    feature_map = FeatureMap("toss", str(folder))
    described = folder / "feature_map.json"
    names = [name for feature in json.loads(described.read_text())["features"] for name in feature]
    if settings["model"] == "DeepFM":
        names.remove(peer_models.HISTORY)
    specs = [{"name": name, "feature_encoder": None} for name in names if name == peer_models.HISTORY]
    dim = settings["arguments"]["embedding_dim"]
    feature_map.load(str(described), {"embedding_dim": dim, "use_features": names, "feature_specs": specs})

    with tempfile.TemporaryDirectory() as models:
        model = getattr(peer_models, settings["model"])(
            feature_map,
            **settings["arguments"],
            model_id="timed",
            model_root=models,
            metrics=["AUC"],
            verbose=0,
            eval_steps=10**9,
        )
        Path(models, "toss").mkdir()
        model.save_weights(model.checkpoint)
        path = str(folder / "train.parquet") if settings["loader"] == "parquet" else as_npz(folder, feature_map)
        train = settings["task"] == "train"
        loader = RankDataLoader(
            feature_map,
            stage="train" if train else "test",
            **{"train_data" if train else "test_data": path},
            batch_size=settings["batch_size"],
            shuffle=True,
            data_format=settings["loader"],
            num_workers=0,
        )
        batches = Limited(loader[0] if train else loader, settings["warm"] + settings["steps"])
        if train:
            model.fit(batches, epochs=1)
        else:
            model.predict(batches)
    seconds = batches.asked[-1] - batches.asked[settings["warm"]]
    print(json.dumps({"rows": settings["steps"] * settings["batch_size"], "seconds": seconds}))


if __name__ == "__main__":
    main(*sys.argv[1:])
