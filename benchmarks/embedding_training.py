"""Sentences a second of processor time in SimCSE training: this loop and SentenceTransformerTrainer, one thread.

    RANKPIPE_REAL_DATA=../shared/data python benchmarks/embedding_training.py
    RANKPIPE_REAL_DATA=../shared/data python benchmarks/embedding_training.py --precisions bf16 --rounds 1

Same film reviews in the same number of batches of 64, at most 128 tokens, same weights (all-MiniLM-L6-v2 as it is, or
with 8,000 tokens more), every weight trained by AdamW, same loss. A sentence counts once, though it goes through the
network twice. The trainer needs the package ``datasets``: ``pip install --target .venv-peers-embedding --no-deps
datasets multiprocess dill xxhash``, or name another such folder in RANKPIPE_PEERS_EMBEDDING.
"""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.measuring import HERE, ROOT, Cells, child, median

PEER = Path(os.environ.get("RANKPIPE_PEERS_EMBEDDING", ROOT / ".venv-peers-embedding"))
BATCH, STEPS, WARM = 64, 6, 1
VOCABULARIES = ("expanded", "as it is")


def prepare(folder: Path, data: Path) -> dict[str, str]:
    """The reviews that are trained on, one a line, and the folder of the model with each vocabulary."""
    import numpy as np
    import pyarrow.parquet as pq

    from rankpipe.embedding.encoder import load, resolve, save
    from rankpipe.embedding.vocabulary import expand

    folder.mkdir(parents=True, exist_ok=True)
    texts = pq.read_table(data / "korean-reviews" / "reviews_100k.parquet").column("text").to_pylist()
    drawn = np.random.default_rng(7).permutation(len(texts))[:(WARM + STEPS) * BATCH]
    (folder / "texts.txt").write_text("\n".join(" ".join(texts[i].split()) for i in drawn), encoding="utf-8")
    expanded = folder / "expanded"
    if not expanded.is_dir():
        save(expand(load(resolve("packaged")), texts, texts[:500])[0], expanded)
    return {"expanded": str(expanded), "as it is": str(resolve("packaged"))}


def timed(script: str, settings: dict[str, Any], folder: Path) -> dict[str, float]:
    file = folder / "settings.json"
    file.write_text(json.dumps(settings), encoding="utf-8")
    paths = os.pathsep.join(map(str, (ROOT, ROOT / "src", PEER)))
    measured = child([sys.executable, HERE / script, file], cwd=folder, env={
        "PYTHONPATH": paths, "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"})
    return {"sentences/s": measured.said["sentences"] / measured.said["seconds"], "peak_mb": measured.tree_mb}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vocabularies", nargs="+", choices=VOCABULARIES, default=list(VOCABULARIES))
    parser.add_argument("--precisions", nargs="+", choices=("fp32", "bf16"), default=["fp32", "bf16"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=ROOT / ".scratch" / "benchmarks" / "embedding_training")
    parser.add_argument("--fresh", action="store_true")
    options = parser.parse_args()
    folder, cells = options.folder.resolve(), Cells("embedding_training", options.fresh)
    data = Path(os.environ.get("RANKPIPE_REAL_DATA", ROOT.parent / "shared" / "data"))
    models = prepare(folder, data)
    table = []
    for vocabulary in options.vocabularies:
        for precision in options.precisions:
            settings = {"model": models[vocabulary], "texts": str(folder / "texts.txt"), "batch_size": BATCH,
                        "precision": precision, "steps": STEPS, "warm": WARM}
            sides, rounds = {"ours": "timed_embedding.py", "trainer": "peer_embedding.py"}, []
            for i in range(options.rounds):
                order = list(sides) if i % 2 == 0 else list(reversed(sides))
                rounds.append({side: cells.get(f"{vocabulary}, {precision}, {side}, round {i}",
                                               lambda s=sides[side], of=settings: timed(s, of, folder))
                               for side in order})
            table.append({
                "vocabulary": vocabulary, "precision": precision,
                **{f"{side} sentences/s": median([r[side]["sentences/s"] for r in rounds]) for side in sides},
                "ratio": median([r["ours"]["sentences/s"] / r["trainer"]["sentences/s"] for r in rounds]),
                **{f"{side} peak MB": max(r[side]["peak_mb"] for r in rounds) for side in sides}})
    cells.publish(table, batch_size=BATCH, batches=STEPS, rounds=options.rounds, max_length=128)


if __name__ == "__main__":
    main()
