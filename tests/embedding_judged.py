"""Scores of invented models on small pairs, as convert and train leave them, for tests of what judges them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from embedding_data import Small, small, write
from embedding_encoders import encoder

from rankpipe import paths
from rankpipe.embedding.encoder import save
from rankpipe.io.json import write_json

NOISE = {"tfidf": 0.5, "base": 0.6, "vocabulary": 2.0, "simcse": 0.3, "bottleneck": 0.28, "supervised": 0.1}
"""Model → how much it blurs the grades."""
TRAINED = ("simcse", "bottleneck", "supervised")
SEEDS = (7, 8, 9)
PARAMS = """
seed: 7
threads: 1
device: cpu
embedding:
  seeds: [7, 8, 9]
  models:
    tfidf: {}
    base: {}
    vocabulary: {start_from: base}
    simcse: {start_from: vocabulary}
    bottleneck: {start_from: simcse}
    supervised: {start_from: simcse}
  evaluate: {resamples: 100, slices: {resamples: 40}}
"""
SCORES = pa.schema([("pair", pa.int32()), ("seed", pa.int64()), ("label", pa.float32()), ("score", pa.float32())])


def scene(folder: Path, rows: int = 240) -> Small:
    """Writes params.yaml, the table (its grades are drawn) and every model's scores under ``folder``, the working
    directory.
    """
    (folder / "params.yaml").write_text(PARAMS, encoding="utf-8")
    made = small(rows)
    for k, (split, of) in enumerate(list(made.pairs.items())):
        grades = np.random.default_rng([k, 99]).integers(0, 26, len(of)) / 25
        made.pairs[split] = replace(of, score=grades.astype(np.float32))
    write(made)
    for i, model in enumerate(NOISE):
        seeds = SEEDS if model in TRAINED else (0,)
        for j, split in enumerate(("valid", "test")):
            rng = np.random.default_rng([i, j])
            truth = made.pairs[split].score
            scores(model, split, made, {s: np.clip(truth + NOISE[model] * rng.normal(size=len(truth)), -1, 1)
                                        for s in seeds})
        place = paths.model_scores("toy", "embedding", model)
        for seed in seeds if model in TRAINED else ():
            (place / f"curve-{seed}.csv").write_text("epoch,step,lr,train_loss,valid_spearman\n0,0,,,0.1\n" + "".join(
                f"{e},{10 * e},0.01,{1 / e},{0.7 - 0.2 / e - 0.01 * seed}\n" for e in range(1, 5)))
        if model != "tfidf":
            expanded = model != "base"
            write_json(place / "figures.json", {
                "tokens_per_word": 1.4 if expanded else 3.1, "unknown_share": 0.0 if expanded else 0.26,
                "match_rate": 0.8 if expanded else None,
                **{key: {split: {str(seed): value + 0.01 * k for k, seed in enumerate(seeds)}
                         for split in ("valid", "test")} for key, value in (("alignment", 0.4), ("uniformity", -2.0))}})
    return made


def scores(model: str, split: str, made: Small, runs: dict[int, np.ndarray]) -> None:
    """One model's parquet of a split: seed → cosine of each pair."""
    path = paths.model_scores("toy", "embedding", model) / f"{split}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    n = len(made.pairs[split])
    pq.write_table(pa.table({
        "pair": np.tile(np.arange(n, dtype=np.int32), len(runs)), "seed": np.repeat(np.array(list(runs)), n),
        "label": np.tile(made.pairs[split].score, len(runs)),
        "score": np.concatenate(list(runs.values())).astype(np.float32)}, schema=SCORES), path)


def encoders(made: Small) -> None:
    """A folder of random weights for each run of every model but TF-IDF."""
    for i, model in enumerate(NOISE):
        place = paths.model("toy", "embedding", model)
        place.mkdir(parents=True)
        for seed in SEEDS if model in TRAINED else ("all",):
            if model != "tfidf":
                save(encoder(made.texts, seed=10 * i + len(str(seed)) + (seed if model in TRAINED else 0)),
                     place / str(seed))
