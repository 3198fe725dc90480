"""Learning to rank on 201 queries of features alone: nDCG@10 of held-out queries, 5 folds by query, ten seeds.

    RANKPIPE_REAL_DATA=../shared/data python benchmarks/letor.py
    RANKPIPE_REAL_DATA=../shared/data python benchmarks/letor.py --seeds 1

A seed shuffles the queries into folds and starts every model. Each fold is scored by models that saw the other four
alone: hyperparameters come from GRIDS by three inner folds of those four, then the model is trained on all of the four.
``lightgbm`` is LightGBM's own lambdarank call with LightGBM's own defaults, ``lightgbm_tuned`` the same call with
hyperparameters chosen as ltr's are; ``lambdamart``, ours, must give the numbers of both to the bit. ``mlp`` is a plain
net of two layers with the pairwise margin loss. Differences are bootstrapped over queries, each query's nDCG the mean
over seeds. Measurements are kept as they come in: a stopped run goes on where it was; --fresh starts over.
"""

import argparse
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import lightgbm as lgb
import numpy as np
import torch
from torch import nn

from benchmarks.measuring import Cells
from benchmarks.tables import real_data
from rankpipe.fusion import letor
from rankpipe.fusion.batches import Examples, SlateBatches
from rankpipe.fusion.fitting import Recipe, fit_on
from rankpipe.fusion.models.lambdamart import LambdaMART
from rankpipe.fusion.models.ltr import LTR
from rankpipe.fusion.scoring import score_all, scorer_of
from rankpipe.losses.pairwise import pairwise
from rankpipe.metrics.bootstrap import Means, Resamples, interval, resample
from rankpipe.metrics.comparison import difference
from rankpipe.metrics.slates import best_first, of_grades
from rankpipe.training.determinism import reseed
from rankpipe.training.params import Training
from rankpipe.training.settings import Machine

FOLDS, INNER = 5, 3
DEFAULTS = {"rounds": 100, "learning_rate": 0.1, "num_leaves": 31, "min_data_in_leaf": 20}
NET = {"members": 4, "hidden_dims": (64,), "loss": "lambdarank", "encoding": "piecewise", "bins": 8, "slate": True}
GRIDS: dict[str, list[dict[str, Any]]] = {
    "lightgbm": [DEFAULTS],
    "lightgbm_tuned": [{"learning_rate": 0.05, "min_data_in_leaf": 5, "num_leaves": leaves, "rounds": rounds}
                       for leaves, rounds in ((7, 120), (15, 60), (15, 120))],
    "mlp": [{"epochs": epochs} for epochs in (10, 20, 40)],
    "ltr": [{**NET, "dropout": dropout} for dropout in (0.3, 0.5)],
}  # fmt: skip
TRAINING = Training(epochs=20, batch_size=16, optimizer="adamw", lr=1e-3, weight_decay=1.0, schedule="cosine")
Scores = Callable[[Examples], np.ndarray]


def lightgbm(train: Examples, seed: int, options: dict[str, Any]) -> Scores:
    """LightGBM's own call."""
    options = dict(options)
    rounds = options.pop("rounds")
    settings = LambdaMART(train.inputs, LambdaMART.Params(**options)).settings(seed, threads=1)
    data = lgb.Dataset(train.features, train.slates.grades, group=train.slates.lengths)
    booster = lgb.train(settings, data, rounds)
    return lambda of: booster.predict(of.features, num_threads=1).astype(np.float32)


def mlp(train: Examples, seed: int, options: dict[str, Any]) -> Scores:
    """Linear, ReLU, linear on the features as they are."""
    reseed(seed, 0)
    net = nn.Sequential(nn.Linear(train.features.shape[1], 64), nn.ReLU(), nn.Linear(64, 1))
    optimizer = torch.optim.Adam(net.parameters(), 1e-3)
    batches = SlateBatches(train, 16, seed)
    for epoch in range(options["epochs"]):
        for batch, count in batches.epoch(epoch):
            loss = pairwise(net(batch.features).squeeze(1), batch.grades, batch.offsets, 0.1) / count
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    net.requires_grad_(False)
    return lambda of: net(torch.from_numpy(of.features)).squeeze(1).numpy()


def ours(model: str, train: Examples, seed: int, options: dict[str, Any]) -> Scores:
    """``ltr`` or ``lambdamart``."""
    kind = {"ltr": LTR, "lambdamart": LambdaMART}[model]
    recipe = Recipe(model, kind.Params(**options), TRAINING, Machine(seed, 1, "cpu"))
    scorer = scorer_of(model, fit_on(recipe, train, None, quiet=True).model, train.inputs)
    return lambda of: score_all(scorer, of)


def fit(model: str, train: Examples, seed: int, options: dict[str, Any]) -> Scores:
    if model in ("ltr", "lambdamart"):
        return ours(model, train, seed, options)
    return mlp(train, seed, options) if model == "mlp" else lightgbm(train, seed, options)


def ndcg(of: Examples, scores: np.ndarray) -> np.ndarray:
    """(q,) nDCG@10 of each query."""
    order = best_first(of.slates.offsets, scores, of.slates.candidates)
    return of_grades(of.slates.offsets, of.slates.grades[order], 1, (10,))["ndcg_at_10"]


def folds(queries: np.ndarray, count: int, seed: list[int]) -> list[tuple[np.ndarray, np.ndarray]]:
    """(others, fold) for each fold of shuffled ``queries``."""
    shuffled = np.random.default_rng(seed).permutation(queries)
    return [(np.sort(np.delete(shuffled, np.s_[i::count])), np.sort(shuffled[i::count])) for i in range(count)]


def choose(model: str, data: Examples, queries: np.ndarray, seed: int, fold: int) -> dict[str, Any]:
    """The entry of the model's grid with the greatest mean nDCG@10 over inner folds of ``queries``."""
    if len(GRIDS[model]) == 1:
        return GRIDS[model][0]
    inner = folds(queries, INNER, [seed, fold, 1])
    parts = [(letor.part(data, rest), letor.part(data, held)) for rest, held in inner]
    found = []
    for options in GRIDS[model]:
        tried = {**options, "members": 1} if model == "ltr" else options  # a third of the time
        found.append(np.mean([ndcg(held, fit(model, rest, seed, tried)(held)).mean() for rest, held in parts]))
    return GRIDS[model][int(np.argmax(found))]


def one_seed(folder: Path, seed: int) -> dict[str, Any]:
    """Model → (Q,) nDCG@10, each query as held out; seconds a list; what was chosen."""
    torch.set_num_threads(1)
    data = letor.read(folder / "rank.train", folder / "rank.train.query")
    names = ["random", *GRIDS]
    values = {name: np.zeros(len(data)) for name in names}
    seconds, chosen = dict.fromkeys(names, 0.0), {name: [] for name in GRIDS}
    for fold, (rest, held) in enumerate(folds(np.arange(len(data)), FOLDS, [seed])):
        train, test = letor.part(data, rest), letor.part(data, held)
        drawn = np.random.default_rng([seed, fold, 2]).random((64, len(test.features)))
        values["random"][held] = np.mean([ndcg(test, scores) for scores in drawn], 0)
        alone = [letor.part(data, np.array([query])) for query in held]
        for name in GRIDS:
            options = choose(name, data, rest, seed, fold)
            chosen[name].append(options)
            scores = fit(name, train, seed, options)
            found = scores(test)
            values[name][held] = ndcg(test, found)
            if name.startswith("lightgbm") and not np.array_equal(fit("lambdamart", train, seed, options)(test), found):
                sys.exit(f"seed {seed}, fold {fold}: lambdamart is not LightGBM's own call")
            started = time.perf_counter()
            for one in alone:
                scores(one)
            seconds[name] += (time.perf_counter() - started) / len(data)
    return {"ndcg": {name: found.tolist() for name, found in values.items()}, "seconds": seconds, "chosen": chosen}


def main() -> None:
    parser = argparse.ArgumentParser(description="nDCG@10 of learning to rank on features.")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--workers", type=int, default=2, help="seeds at a time, one thread each")
    parser.add_argument("--fresh", action="store_true")
    options = parser.parse_args()
    folder, cells = real_data("letor"), Cells("letor", options.fresh)
    with ProcessPoolExecutor(options.workers, get_context("spawn")) as pool:
        missing = [seed for seed in range(options.seeds) if f"seed {seed}" not in cells.values]
        for seed, found in zip(missing, pool.map(one_seed, [folder] * len(missing), missing), strict=True):
            cells.get(f"seed {seed}", lambda found=found: found)
    runs = [cells.values[f"seed {seed}"] for seed in range(options.seeds)]
    names = list(runs[0]["ndcg"])
    values = {name: np.array([run["ndcg"][name] for run in runs]) for name in names}  # (seeds, Q)
    means = {name: Means(("ndcg_at_10",), found.mean(0)[:, None]) for name, found in values.items()}
    drawn = resample(list(means.values()), Resamples(values["ltr"].shape[1], 10_000, 7))[:, :, 0]
    drawn = dict(zip(names, drawn.T, strict=True))
    table = []
    for name in names:
        low, high = interval(drawn[name])
        line = {"model": name, "nDCG@10": float(values[name].mean()),
                "sd over seeds": float(values[name].mean(1).std(ddof=1)) if len(runs) > 1 else None,
                "interval": f"[{low:.4f}, {high:.4f}]",
                "µs a list": 1e6 * float(np.mean([run["seconds"][name] for run in runs])) or None}  # fmt: skip
        if name != "ltr":
            gap = difference(means["ltr"].estimate()["ndcg_at_10"], means[name].estimate()["ndcg_at_10"],
                             drawn["ltr"], drawn[name])  # fmt: skip
            line |= {"ltr − it": f"{gap.estimate:+.4f} [{gap.low:+.4f}, {gap.high:+.4f}]", "p": gap.p}
        table.append(line)
    cells.publish(table, seeds=options.seeds, folds=FOLDS, queries=values["ltr"].shape[1],
                  lambdamart="equal to the bit to LightGBM's own call, with its defaults and tuned")  # fmt: skip


if __name__ == "__main__":
    main()
