"""What each link of the embedding track gives on real text: all-MiniLM-L6-v2, Korean film reviews, KorSTS.

    RANKPIPE_REAL_DATA=../shared/data python benchmarks/korsts.py
    RANKPIPE_REAL_DATA=../shared/data python benchmarks/korsts.py --seeds 1 --links tfidf base vocabulary simcse

Epochs are chosen on 1,000 pairs kept back from KorSTS train. Nothing is chosen on KorSTS dev, which is what the table
reports: mean and standard deviation over seeds. The table of texts, the check for leaks and the training are the
pipeline's own; a variant (korsts_variants.py) starts from the same seed's run of another. ``--sentences`` puts one
number in the place of each variant's own. The results file is written anew after each variant; a stopped run goes on
where it was, --fresh starts over.
"""

import argparse
import copy
import os
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from benchmarks.korsts_variants import VARIANTS, Variant
from benchmarks.measuring import ROOT, Cells, child
from benchmarks.workspace import Workspace
from rankpipe import paths
from rankpipe.embedding import encoder as encoders
from rankpipe.embedding.fitting import Material, Recipe, fit_on
from rankpipe.embedding.scoring import cosines
from rankpipe.embedding.table import pairs, texts, triplets
from rankpipe.embedding.tfidf import TfIdf
from rankpipe.metrics.similarity import Similarity

SIZE, TRACK, KEPT_BACK = "full", "embedding", 1000
ONCE = ("tfidf", "base", "vocabulary")
TRAINING = {"batch_size": 64, "optimizer": "adamw", "weight_decay": 0.01, "schedule": "linear", "warmup_steps": 30,
            "patience": 99, "precision": "bf16", "evaluations_per_epoch": 1}
COLUMNS = {"first": "sentence1", "second": "sentence2", "score": "score", "genre": "genre"}


def workspace(folder: Path, data: Path) -> Workspace:
    """Extract and convert, once: reviews; KorSTS train, of which what is kept back is valid; dev, which is test."""
    source = {name: {"path": f"data/{TRACK}/{name}.tsv", **COLUMNS} for name in ("train", "valid", "test")}
    corpus = {"path": f"data/{TRACK}/reviews.parquet", "column": "text"}
    made = Workspace(folder, {
        "threads": 1, "device": "cpu", "sizes": [SIZE], f"{TRACK}.base": "packaged", f"{TRACK}.training": TRAINING,
        f"{TRACK}.source": {"corpus": corpus, **source, "own": None, "triplets": None},
        f"{TRACK}.models": {"tfidf": {}, "base": {}, "vocabulary": {"start_from": "base", "size": 8000}},
    }, {"reviews.parquet": data / "korean-reviews" / "reviews_100k.parquet",
        "test.tsv": data / "korsts" / "sts-dev.tsv"}, TRACK)
    heading, *rows = (data / "korsts" / "sts-train.tsv").read_text(encoding="utf-8").splitlines()
    back = set(np.random.default_rng(0).permutation(len(rows))[:KEPT_BACK].tolist())
    for name, chosen in (("train", False), ("valid", True)):
        kept = [row for i, row in enumerate(rows) if (i in back) == chosen]
        (made.folder / "data" / TRACK / f"{name}.tsv").write_text("\n".join([heading, *kept]) + "\n", encoding="utf-8")
    for stage, out in (("extract", paths.selection), ("convert", paths.table)):
        if not (made.folder / out(SIZE, TRACK)).is_dir():
            child([sys.executable, "-m", f"stages.{stage}", TRACK, SIZE], cwd=made.folder)
    return made


def once(name: str) -> dict[str, dict[str, float]]:
    """Trains nothing: TF-IDF, the base, its expanded vocabulary."""
    from rankpipe.embedding.train import train

    train(SIZE, name)
    place = paths.model(SIZE, TRACK, name) / "all"
    if name != "tfidf":
        return judged(encoders.load(place))
    model = TfIdf.load(place)
    return {split: figures(split, model.cosine(of.first, of.second))
            for split in ("valid", "test") for of in [pairs(SIZE, split)]}


def run(name: str, variant: Variant, seed: int, material: Material, params: dict[str, Any]) -> dict[str, Any]:
    """One run of one variant, saved for those that start from it."""
    values = copy.deepcopy(params)
    values[TRACK]["models"][variant.link] = {"start_from": variant.start, **variant.params}
    start = paths.model(SIZE, TRACK, str(variant.start))
    start = start / ("all" if (start / "all").is_dir() else str(seed))
    recipe = Recipe.read(values, variant.link)
    fitted = fit_on(recipe, encoders.load(start), material, seed, name=f"{name}, seed {seed}")
    encoders.save(fitted.encoder, paths.model(SIZE, TRACK, name) / str(seed))
    return {**judged(fitted.encoder), "curve": [round(row["valid_spearman"], 4) for row in fitted.curve]}


def judged(encoder: encoders.Encoder) -> dict[str, dict[str, float]]:
    return {split: figures(split, cosines(encoder, pairs(SIZE, split))) for split in ("valid", "test")}


def figures(split: str, cosine: np.ndarray) -> dict[str, float]:
    found = Similarity(pairs(SIZE, split).score, cosine).estimate()
    return {name: round(value, 5) for name, value in found.items()}


def line(name: str, runs: list[dict[str, Any]], start: list[dict[str, Any]] | None) -> dict[str, Any]:
    """A row of the table; ``start``: the runs that these started from."""
    dev = [one["test"]["spearman"] for one in runs]
    row: dict[str, Any] = {"variant": name, "from": VARIANTS[name].start, "spearman": np.mean(dev).item()}
    if len(runs) > 1:
        row["sd"] = np.std(dev, ddof=1).item()
    if start:
        before = [one["test"]["spearman"] for one in (start * len(runs))[:len(runs)]]
        row["least gain"] = min(b - a for a, b in zip(before, dev, strict=True))
    for metric in ("pearson", "auc", "similar", "different", "gap"):
        row[metric] = np.mean([one["test"][metric] for one in runs]).item()
    kept_back = np.mean([one["valid"]["spearman"] for one in runs]).item()
    return {**row, "kept back": kept_back, "note": VARIANTS[name].note}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--links", nargs="+", choices=VARIANTS, default=list(VARIANTS),
                        help="what these start from must be among them, or known from before")
    parser.add_argument("--sentences", type=int, help="of the reviews, for every variant")
    parser.add_argument("--folder", type=Path, default=ROOT / ".scratch" / "benchmarks" / "korsts")
    parser.add_argument("--fresh", action="store_true", help="measure everything anew")
    options = parser.parse_args()
    data = Path(os.environ.get("RANKPIPE_REAL_DATA", ROOT.parent / "shared" / "data"))
    cells = Cells("korsts", options.fresh, sentences=options.sentences)
    made = workspace(options.folder, data)
    os.chdir(made.folder)
    material = Material(texts(SIZE), pairs(SIZE, "train"), triplets(SIZE), pairs(SIZE, "valid"))
    found: dict[str, list[dict[str, Any]]] = {}
    for name, variant in VARIANTS.items():
        if name not in options.links:
            continue
        if variant.link in ONCE:
            found[name] = [cells.get(name, lambda n=name: once(n))]
        else:
            if options.sentences and variant.link in ("simcse", "bottleneck"):
                variant = Variant(variant.link, variant.start, {**variant.params, "sentences": options.sentences})
            found[name] = [cells.get(f"{name}, seed {seed}",
                                     lambda s=seed, n=name, v=variant: run(n, v, s, material, made.params))
                           for seed in range(1, options.seeds + 1)]
        table = [line(n, runs, found.get(str(VARIANTS[n].start))) for n, runs in found.items()]
        rows = {split: len(pairs(SIZE, split)) for split in ("train", "valid", "test")}
        cells.publish(table, unfinished=True, seeds=options.seeds, sentences=options.sentences,
                      reviews=len(material.texts), pairs=rows, training=TRAINING,
                      variants={n: VARIANTS[n].params for n in found},
                      curves={n: [one.get("curve") for one in runs] for n, runs in found.items()})


if __name__ == "__main__":
    main()
