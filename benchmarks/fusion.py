"""What fusion adds: nDCG@10 and Compliance@1 on the sample against the starting order and each modality alone.

    python benchmarks/fusion.py
    python benchmarks/fusion.py --seeds 1

``image``, ``text`` and ``attributes`` are fusion's own net, trained and judged with the two other modalities hidden,
vectors and features alike; ``control`` is trained on 16 shuffles of the grades. Each query's figure is the mean over
seeds; intervals and differences are of resamples of test's queries, the same for all. Encoders and the split are the
pipeline's, size medium. A stopped run goes on where it was; --fresh starts over.
"""

import argparse
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from benchmarks.measuring import ROOT, Cells, child
from benchmarks.workspace import Workspace
from rankpipe.fusion.ablation import changed
from rankpipe.fusion.examples import Source, read
from rankpipe.fusion.fitting import Recipe, fit_on
from rankpipe.fusion.inputs import MODALITIES
from rankpipe.fusion.judging import NAMES, RANDOM, STARTING, Asked, apart, from_chance
from rankpipe.fusion.scoring import score_all, scorer_of
from rankpipe.metrics.bootstrap import Means, Resamples, interval, resample

SHUFFLES = 16
"""Controls, each trained on a shuffle of its own: their distance from chance is drawn again over shuffles too."""
SIZE, RELEVANT, LEVEL = "medium", 2, 0.95
SHOWN = ("ndcg_at_10", "compliance_at_1")


def workspace(folder: Path, data: Path) -> Workspace:
    """The stages before training, run once."""
    made = Workspace(folder, {"threads": 1, "device": "cpu", "sizes": [SIZE]})
    link = made.folder / "data" / "fusion"
    link.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    os.symlink(data.resolve(), link)
    for stage in ("extract", "convert", "encode"):
        if not (made.folder / "build" / SIZE / "fusion" / {"extract": "selection", "convert": "table",
                                                           "encode": "features"}[stage]).is_dir():
            child([sys.executable, "-m", f"stages.{stage}", "fusion", SIZE], cwd=made.folder)
    return made


def variant(source: Source, name: str) -> Source:
    """The data that ``name`` sees."""
    if name not in MODALITIES:
        return source
    data, vectors = changed(source.data, source.vectors, "only", name, 0)
    return Source.of(data, vectors)


def values(source: Source, name: str, seed: int, params: dict[str, Any]) -> list[list[float]]:
    """(q, metrics) of one trained model on test."""
    recipe = Recipe.read(params, "control" if name == "control" else "fusion")
    recipe = replace(recipe, machine=replace(recipe.machine, seed=seed))
    train, valid, test = (source.examples(split) for split in ("train", "valid", "test"))
    fitted = fit_on(recipe, train, valid, name=f"{name}, seed {seed}")
    scores = score_all(scorer_of(name, fitted.model, test.inputs), test)
    return Asked.of(source.data, "test", RELEVANT).values(scores).round(9).tolist()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--resamples", type=int, default=10000)
    parser.add_argument("--data", type=Path, default=ROOT / "data" / "fusion", help="the raw sample")
    parser.add_argument("--fresh", action="store_true", help="measure everything anew")
    options = parser.parse_args()
    cells = Cells("fusion", options.fresh, data=str(options.data))
    made = workspace(ROOT / ".scratch" / "benchmarks" / "fusion", options.data)
    os.chdir(made.folder)
    source = read(SIZE)
    # Whether constraints are met is judged on the data as they are, whatever a variant sees.
    complies = source.data.complies()
    statistics = {}
    for name in ("fusion", *MODALITIES, "control"):
        seen = variant(source, name)
        seen = replace(seen, data=replace(seen.data, slates=replace(seen.data.slates, meets=complies)))
        runs = [cells.get(f"{name}, seed {seed}", lambda s=seed, n=name, d=seen: values(d, n, s, made.params))
                for seed in range(1, (SHUFFLES if name == "control" else options.seeds) + 1)]
        if name == "control":
            controls = [Means(NAMES, np.array(run)) for run in runs]
        statistics[name] = Means(NAMES, np.mean(runs, axis=0))
    asked = Asked.of(source.data, "test", RELEVANT)
    statistics |= {STARTING: asked.starting(), RANDOM: asked.random(1)}
    resamples = Resamples(len(asked.slates), options.resamples, 1)
    fewer = Resamples(len(asked.slates), min(options.resamples, 1000), 1)
    low, high = interval(resample(list(statistics.values()), resamples), LEVEL)
    table = []
    for i, (name, of) in enumerate(statistics.items()):
        row: dict[str, Any] = {"model": name}
        for metric in SHOWN:
            k = NAMES.index(metric)
            row[metric] = f"{of.estimate()[metric]:.4f} [{low[i, k]:.4f}, {high[i, k]:.4f}]"
            if name == "control":
                gap = from_chance(controls, statistics[RANDOM], metric, fewer, LEVEL)
                row[f"over chance, {metric}"] = f"{gap.estimate:+.4f} [{gap.low:+.4f}, {gap.high:+.4f}]"
            elif name not in ("fusion", RANDOM):
                gap = apart(statistics["fusion"], statistics[name], metric, resamples, LEVEL)
                row[f"fusion's gain, {metric}"] = f"{gap.estimate:+.4f} [{gap.low:+.4f}, {gap.high:+.4f}]"
        table.append(row)
    cells.publish(table, queries=len(asked.slates), candidates=len(asked.slates.candidates), seeds=options.seeds,
                  resamples=options.resamples, size=SIZE)


if __name__ == "__main__":
    main()
