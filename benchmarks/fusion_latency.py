"""How long one query takes: 30 candidates of the catalogue ranked, with all vectors at hand; P50 and P95 of 1,000.

    python benchmarks/fusion_latency.py

Each query is asked alone, as a server would: features of its pairs, one batch, the net's forward pass, the order. The
net has the widths of params.yaml; its weights are as they were drawn, which changes no time; trees are trained. One
core, one thread. Encoding is left out: candidates are encoded once, and so are queries that come again. Let nothing
else run meanwhile.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import torch

from benchmarks.fusion import SIZE, workspace
from benchmarks.measuring import ROOT, Cells, child
from rankpipe.fusion.examples import Source, read
from rankpipe.fusion.fitting import Recipe, fit_on
from rankpipe.fusion.models import model_class
from rankpipe.fusion.scoring import scorer_of
from rankpipe.fusion.serving import Asked, Ranker
from rankpipe.metrics.slates import best_first

CANDIDATES = 30
WARM = 50
MODELS = ("fusion", "ltr", "lambdamart")


class Known:
    """Encoders that have seen every query."""

    def __init__(self, source: Source):
        self.row = {text: i for i, text in enumerate(source.data.queries.texts)}
        self.vectors = source.vectors

    def queries(self, texts):
        rows = [self.row[text] for text in texts]
        image = self.vectors.query_image
        return self.vectors.query[rows], None if image is None else image[rows]


def measure(source: Source, model: str, params: dict, queries: int) -> dict[str, float]:
    """Milliseconds a query."""
    recipe, train = Recipe.read(params, model), source.examples("train")
    if model_class(model).neural:
        net = model_class(model)(train.inputs, recipe.params)
        net.prepare(train.features, train.slates.lengths)
    else:
        net = fit_on(recipe, train, source.examples("valid"), quiet=True).model
    ranker = Ranker(scorer_of(model, net, train.inputs), source.data.candidates, source.vectors, source.bm25,
                    Known(source))
    held, rng, spent = source.data, np.random.default_rng(1), []
    names = list(held.candidates.attributes)
    for i in range(-WARM, queries):
        q = i % len(held.queries)
        asked = Asked(held.queries.texts[q], {names[a]: held.candidates.attributes[names[a]][v]
                                              for a, v in enumerate(held.queries.constraints[q].tolist()) if v >= 0})
        offered = [held.candidates.ids[c] for c in rng.choice(len(held.candidates), CANDIDATES, replace=False)]
        start = time.perf_counter()
        [scores] = ranker.scores([asked], [offered])
        order = best_first(np.array([0, CANDIDATES]), scores, np.array([ranker.codes[one] for one in offered]))
        spent.append(time.perf_counter() - start)
        assert len(order) == CANDIDATES
    spent = 1000 * np.array(spent[WARM:])
    return {"p50_ms": float(np.percentile(spent, 50)), "p95_ms": float(np.percentile(spent, 95)),
            "p99_ms": float(np.percentile(spent, 99))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--data", type=Path, default=ROOT / "data" / "fusion", help="the raw sample")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    made = workspace(ROOT / ".scratch" / "benchmarks" / "fusion", options.data)
    os.chdir(made.folder)
    if options.one:
        torch.set_num_threads(1)
        print(json.dumps(measure(read(SIZE), options.one, made.params, options.queries)))
        return
    rest = ["--queries", options.queries, "--data", options.data.resolve()]
    table = [{"model": model, "candidates": CANDIDATES, "queries": options.queries,
              **child([sys.executable, Path(__file__).resolve(), "--one", model, *rest]).said} for model in MODELS]
    Cells("fusion_latency", fresh=True).publish(table)


if __name__ == "__main__":
    main()
