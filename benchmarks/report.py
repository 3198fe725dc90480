"""Writes the tables of ``results/*.json`` into README.md, below its last heading: ``python benchmarks/report.py``."""

import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.measuring import HERE, RESULTS, text

HEADING = "## Last measured\n"
ORDER = ("conversion", "training", "frappe", "movielens", "recommend", "movielens_topk", "ratings", "letor", "fusion",
         "fusion_latency", "retrieval", "vocabulary", "embedding_training", "korsts")


def section(name: str) -> str:
    """One result as a heading, its table, what was set, and where it was measured."""
    found = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    machine, table = found.pop("machine"), found.pop("table")
    versions = ", ".join(f"{library} {version}" for library, version in machine["versions"].items())
    lines = [f"### {name}", "", text(table), ""]
    for variant, one in found.pop("feseq_minus_deepfm", {}).items():
        sides = [f"[{low:.4f}, {high:.4f}]" for low, high in (one["intervals"]["first"], one["intervals"]["second"])]
        lines += [f"feseq − deepfm, {variant}: {one['difference']:.4f} [{one['low']:.4f}, {one['high']:.4f}], "
                  f"p = {one['p']:.1g}; the two apart: {sides[0]} and {sides[1]}.", ""]  # fmt: skip
    options = "; ".join(f"{key.replace('_', ' ')} {_words(value)}" for key, value in found.items())
    where = f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gb']} GB, Python {machine['python']}"
    return "\n".join([*lines, f"{options}. {where}; {versions}.", ""])


def _words(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_words(one)}" for key, one in value.items())
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}" if isinstance(value, float) else str(value)


def main() -> None:
    path = HERE / "README.md"
    before = path.read_text(encoding="utf-8").split(HEADING)[0]
    parts = [section(name) for name in ORDER if (RESULTS / f"{name}.json").exists()]
    path.write_text(before + HEADING + "\n" + "\n".join(parts), encoding="utf-8")


if __name__ == "__main__":
    main()
