"""Raw files of the embedding track that its tests share, written by hand: change, then write."""

import json
import unicodedata
from pathlib import Path
from typing import Any

FOLDER = Path("data/embedding")
NAMES = {"train": "sts-train.tsv", "valid": "sts-dev.tsv", "test": "sts-test.tsv"}


class Raw:
    """A corpus, pairs of three splits that share no sentence, and triplets. Pairs are (score, first, second)."""

    def __init__(self, sentences: int = 60, pairs: int = 24):
        self.corpus = [f"문장 {i}번은 말뭉치에 있다." for i in range(sentences)]
        self.pairs: dict[str, list[tuple[Any, ...]]] = {
            name: [(i % 6, f"{name} 앞 {i}", f"{name} 뒤 {i}") for i in range(pairs)] for name in NAMES}
        self.triplets = [(f"기준 {i}", f"같은 말 {i}", f"다른 말 {i}") for i in range(12)]
        self.extract: dict[str, Any] = {"sizes": {"toy": {"sentences": 20, "pairs": 10}, "full": {}}, "held_out": 5}
        self.source: dict[str, Any] = {
            "corpus": {"path": str(FOLDER / "corpus.txt")}, "triplets": {"path": str(FOLDER / "triplets.tsv")},
            **{split: {"path": str(FOLDER / name)} for split, name in NAMES.items()}}

    def write(self) -> None:
        """``data/embedding`` and ``params.yaml`` under the working folder; JSON is YAML."""
        FOLDER.mkdir(parents=True, exist_ok=True)
        (FOLDER / "corpus.txt").write_text("".join(f"{s}\n" for s in self.corpus), encoding="utf-8")
        for split, name in NAMES.items():
            lines = [f"news\tf\t2026\t{i:04d}\t{score}\t{one}\t{other}"
                     for i, (score, one, other) in enumerate(self.pairs[split])]
            (FOLDER / name).write_text("\n".join(
                ["genre\tfilename\tyear\tid\tscore\tsentence1\tsentence2", *lines, ""]), encoding="utf-8")
        (FOLDER / "triplets.tsv").write_text("\n".join(
            ["anchor\tpositive\tnegative", *("\t".join(row) for row in self.triplets), ""]), encoding="utf-8")
        Path("params.yaml").write_text(json.dumps({"seed": 3, "embedding": {
            "source": self.source, "extract": self.extract, "convert": {}}}), encoding="utf-8")


def in_disguise(sentence: str) -> str:
    """The same to whoever compares without case, white space and composition."""
    return unicodedata.normalize("NFD", f" {sentence.upper().replace(' ', '   ')} ")
