"""Vocabulary expansion of all-MiniLM-L6-v2 on Korean film reviews: tokens, unknown words, use of new tokens, speed.

    RANKPIPE_REAL_DATA=../shared/data python benchmarks/vocabulary.py
    RANKPIPE_REAL_DATA=../shared/data python benchmarks/vocabulary.py --sizes 8000 --corpus 20000 --encode 0

Tokens are learnt from the reviews but the last 5,000, on which they are judged, as on the sentences of KorSTS train,
another kind of text. Special tokens don't count. Nothing is trained and nothing chosen: KorSTS dev is judged once a
size. Each size is learnt in a process of its own on one core; seconds are the processor's. Measurements are kept as
they come in: a stopped run goes on where it was; --fresh starts over.
"""

import argparse
import csv
import json
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.measuring import Cells, child
from benchmarks.tables import real_data

HELD_OUT = 5000
SIZES = (0, 2000, 4000, 8000, 16000)
MIN_COUNT = 5


def reviews() -> list[str]:
    import pyarrow.parquet as pq

    table = pq.read_table(real_data("korean-reviews") / "reviews_100k.parquet", columns=["text"])
    return [text.strip() for text in table["text"].to_pylist()]


def korsts(split: str) -> tuple[list[str], list[str], list[float]]:
    """(first, second, score) of KorSTS; read with quoting off, else rows are glued together."""
    with (real_data("korsts") / f"sts-{split}.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    first, second = ([row[name] for row in rows] for name in ("sentence1", "sentence2"))
    return first, second, [float(row["score"]) for row in rows]


def measure(size: int, corpus: int, encode: int) -> dict[str, Any]:
    """One size's row."""
    import torch
    from scipy.stats import spearmanr

    from rankpipe.embedding.encoder import load, resolve
    from rankpipe.embedding.vocabulary.coverage import coverage
    from rankpipe.embedding.vocabulary.expansion import expanded
    from rankpipe.embedding.vocabulary.growth import grow

    torch.set_num_threads(1)
    texts = reviews()
    held_out, train = texts[-HELD_OUT:], texts[:-HELD_OUT][:corpus]
    encoder, new, seconds, steps = load(resolve("packaged")), range(0), 0.0, 0
    if size:
        started = time.process_time()
        growth = grow(encoder.tokenizer.backend_tokenizer, train, size, MIN_COUNT)
        encoder = expanded(encoder, growth)
        seconds, steps = time.process_time() - started, len(growth.steps)
        new = range(growth.first, growth.first + len(growth.tokens))
    tokenizer = encoder.tokenizer.backend_tokenizer
    first, second, _ = korsts("train")
    on_reviews, on_korsts = (coverage(tokenizer, t, "[UNK]", new) for t in (held_out, [*first, *second]))
    row = {
        "new tokens": len(new), "steps of merges": steps, "processor seconds": seconds,
        "tokens a review": on_reviews.tokens_per_sentence, "tokens a word": on_reviews.tokens_per_word,
        "unknown words": on_reviews.unknown_share, "used by 5,000 reviews": on_reviews.match_rate,
        "share of new tokens": on_reviews.token_share, "tokens a KorSTS sentence": on_korsts.tokens_per_sentence,
        "unknown words there": on_korsts.unknown_share,
    }
    if encode:
        encoder.encode(held_out[:64])
        started = time.process_time()
        encoder.encode(held_out[:encode])
        row["sentences/s"] = encode / (time.process_time() - started)
        first, second, score = korsts("dev")
        cosine = (encoder.encode(first) * encoder.encode(second)).sum(1)
        row["KorSTS dev, untrained"] = float(spearmanr(cosine, score).statistic)
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description="Vocabulary expansion of all-MiniLM-L6-v2 on Korean reviews.")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="new tokens, at most; 0: the base")
    parser.add_argument("--corpus", type=int, default=95_000, help="reviews to learn from")
    parser.add_argument("--encode", type=int, default=1000, help="reviews to embed for the speed; 0 leaves vectors out")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--fresh", action="store_true")
    options = parser.parse_args()
    if options.one is not None:
        print(json.dumps(measure(options.one, options.corpus, options.encode)))
        return
    cells = Cells("vocabulary", options.fresh, corpus=options.corpus, encode=options.encode)
    words = [sys.executable, __file__, "--corpus", str(options.corpus), "--encode", str(options.encode), "--one"]
    sizes = sorted({0, *options.sizes})
    rows = {size: cells.get(str(size), lambda size=size: child([*words, str(size)]).said) for size in sizes}
    base = rows[0]
    table = [{
        "size": size, **row, "of the base's tokens": row["tokens a review"] / base["tokens a review"],
        "of the base's, KorSTS": row["tokens a KorSTS sentence"] / base["tokens a KorSTS sentence"],
    } for size, row in rows.items()]
    cells.publish(table, corpus=options.corpus, held_out=HELD_OUT, min_count=MIN_COUNT,
                  base="all-MiniLM-L6-v2", encoded=options.encode)


if __name__ == "__main__":
    main()
