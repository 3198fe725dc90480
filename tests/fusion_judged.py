"""Scores of invented models on planted slates, as convert and train leave them, for tests of what judges them."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from fusion_data import Planted, planted
from PIL import Image

from rankpipe import paths
from rankpipe.fusion import table
from rankpipe.fusion.scores import ABLATION, columns_of_ablation

NOISE = {"popularity": None, "bm25": 3.0, "lambdamart": 1.5, "fusion": 0.5, "control": None}
"""Model → how much it blurs the grades; None: it knows nothing of them."""
PARAMS = """
seed: 7
threads: 1
device: cpu
fusion:
  source: {folder: data/fusion}
  models: {popularity: {}, bm25: {}, lambdamart: {}, fusion: {}, control: {}}
  evaluate: {resamples: 100, contact: {queries: 2, candidates: 4, edge: 24}}
"""
SCORES = pa.schema([("query", pa.int32()), ("candidate", pa.int32()), ("grade", pa.int8()), ("score", pa.float32()),
                    ("rank_start", pa.int32())])


def scene(folder: Path, params: str = PARAMS, n_queries: int = 120) -> Planted:
    """Writes params.yaml, images, the table and every model's scores under ``folder``, the working directory."""
    (folder / "params.yaml").write_text(params, encoding="utf-8")
    made = planted(n_queries, gaps=0.1)
    place = paths.table("toy", "fusion")
    place.mkdir(parents=True)
    table.write(place, made.data)
    pictures(made)
    for i, (model, noise) in enumerate(NOISE.items()):
        for j, split in enumerate(("valid", "test")):
            rng = np.random.default_rng([i, j])
            slates = made.data.of(split)[1]
            truth = 0.0 if noise is None else slates.grades + noise * rng.normal(size=len(slates.grades))
            write(model, split, made, truth + 1e-3 * rng.normal(size=len(slates.grades)))
        curve = "epoch,step,lr,train_loss,valid_ndcg_at_10\n"
        curve += "" if model in ("popularity", "bm25") else "".join(
            f"{e},{10 * e},0.01,{1 / e},{0.7 - 0.2 / e}\n" for e in range(1, 7))
        (paths.model_scores("toy", "fusion", model) / "curve.csv").write_text(curve)
    ablate(made)
    return made


def pictures(made: Planted) -> None:
    """A plain picture in its colour for each candidate that names one, but the very first."""
    for image, (colour, _, _) in list(zip(made.data.candidates.images, made.truth.tolist(), strict=True))[1:]:
        if image is not None:
            path = Path("data/fusion") / image
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (8, 8), ("red", "green", "blue", "black")[colour]).save(path)


def write(model: str, split: str, made: Planted, scores: np.ndarray) -> None:
    """One model's parquet of a split."""
    path = paths.model_scores("toy", "fusion", model) / f"{split}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    codes, slates = made.data.of(split)
    pq.write_table(pa.table({"query": codes[slates.queries].astype(np.int32), "candidate": slates.candidates,
                             "grade": slates.grades, "score": scores.astype(np.float32), "rank_start": slates.starts},
                            schema=SCORES), path)


def ablate(made: Planted) -> None:
    """The file of modalities of ``fusion``: masking one loses what it knows, a modality alone knows a third."""
    codes, slates = made.data.of("test")
    queries = codes[slates.queries]
    hits = (made.truth[slates.candidates] == made.wanted[queries]).astype(float)  # image, text, attributes
    weights = np.full(hits.shape, 1 / 3)
    weights[0] = np.nan
    columns = {name: (hits.sum(1) - hits[:, i % 3] if name.startswith("masked") else hits.sum(1) - 1.5 * hits[:, i % 3]
                      if name.startswith("shuffled") else weights[:, i % 3] if name.startswith("attention")
                      else hits[:, i % 3]) for i, name in enumerate(columns_of_ablation())}
    pq.write_table(pa.table({"query": pa.array(queries, pa.int32()), "candidate": slates.candidates,
                             "grade": slates.grades, **{k: v.astype(np.float32) for k, v in columns.items()}}),
                   paths.model_scores("toy", "fusion", "fusion") / ABLATION)
