"""An epoch and the top-10 of everybody on generated rows of real size, beside implicit and RecBole, one core.

    python benchmarks/recommend.py                         # two alternating rounds
    python benchmarks/recommend.py --rounds 1 --only epoch

31,360 users × 6,807 items, 5,154,471 rows, all trained on; vectors of 64. Our mf and fm weigh every row against all
items (loss softmax) or against one drawn item, as the peers' BPR does (bpr); our fm reads genres, directors, writers
and years beside ids, RecBole's ids alone. Batches: ours from params.yaml, RecBole's 2,048 rows. Seconds are of one
epoch, and of scoring, masking and choosing for all users; loading and compiling don't count for anybody. All are the
least of the rounds, and ratios are of processor time, which other work on the machine changes least. Our lists are
compared with a full float64 product. Memory is of the pipeline's stages, imports included.
Measurements are kept as they come in: a stopped run goes on where it was; --fresh starts over.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.measuring import HERE, RECOMMEND_PEERS, ROOT, Cells, child
from benchmarks.runs import SIZE, Runs

SAMPLE = {"users": 31_360, "items": 6_807, "rows": 5_154_471}
DIM = 64
OURS: dict[str, tuple[str, dict[str, Any]]] = {
    "mf, softmax": ("mf", {"loss": "softmax", "negatives": 0}),
    "mf, bpr": ("mf", {"loss": "bpr", "negatives": 1}),
    "fm, softmax": ("fm", {"loss": "softmax", "negatives": 0}),
    "fm, bpr": ("fm", {"loss": "bpr", "negatives": 1}),
}
EPOCHS = {"implicit ALS": ("implicit", "als"), "implicit BPR": ("implicit", "bpr"), "implicit LMF": ("implicit", "lmf"),
          "RecBole BPR": ("recbole", "BPR"), "RecBole FM": ("recbole", "FM")}  # fmt: skip
LISTS = {"implicit ALS": ("implicit", "als", 0), "implicit BPR": ("implicit", "bpr", 0),
         "RecBole BPR, default": ("recbole", "BPR", 0), "RecBole BPR, 64 users": ("recbole", "BPR", 64)}  # fmt: skip
RIVAL = {"mf": "RecBole BPR", "fm": "RecBole FM"}
STAGES = ("pop", "mf", "fm")
CHANGES = {"topk.training.epochs": 1, "topk.predict.model": "mf", "topk.evaluate.baselines": ["pop"]}


class Bench:
    """Both sides on the same rows under ``folder``."""

    def __init__(self, folder: Path):
        self.folder = folder
        if not (folder / "raw" / "writers.tsv").exists():
            words = [word for name, value in SAMPLE.items() for word in (f"--{name}", value)]
            child([sys.executable, "-m", "rankpipe.sample", "topk", *words, "--out", folder / "raw"])
        data = {path.name: path for path in (folder / "raw").iterdir()}
        self.runs = Runs(folder / "ours", "topk", CHANGES, data)
        models = self.runs.base.params["topk"]["models"]
        self.blocks = {name: {**models[name], "embedding_dim": DIM} for name in ("mf", "fm")}
        self.runs.base.change({"topk.models": {"pop": {}, **self.blocks}})
        self.place = self.runs.base.folder
        if not (self.place / "build" / SIZE / "topk" / "features").exists():
            self.runs.prepare()
        self.rows = folder / "rows.npz"
        if not self.rows.exists():
            self.ours("mf", {}, "rows")

    def ours(self, model: str, params: dict[str, Any], task: str) -> dict[str, Any]:
        """``params`` over those of params.yaml."""
        settings = {"model": model, "params": {**self.blocks[model], **params}, "task": task, "out": str(self.rows)}
        return self._timed(sys.executable, "timed_recommend.py", settings, self.place)

    def theirs(self, library: str, model: str, task: str, users_a_batch: int = 0) -> dict[str, Any]:
        settings = {"rows": str(self.rows), "library": library, "model": model, "task": task, "dim": DIM,
                    "folder": str(self.folder / "recbole"), "users_a_batch": users_a_batch}  # fmt: skip
        return self._timed(RECOMMEND_PEERS, "peer_recommend.py", settings, self.folder)

    def _timed(self, python: Path | str, script: str, settings: dict[str, Any], cwd: Path) -> dict[str, Any]:
        file = self.folder / "settings.json"
        file.write_text(json.dumps(settings))
        measured = child([python, HERE / script, file], cwd=cwd)
        return {**measured.said, "peak_mb": measured.tree_mb}

    def stages(self) -> dict[str, dict[str, float]]:
        """Peak memory of the stages: train of one epoch, evaluate, and predict, which refits."""
        out = {}
        for verb, *words in [*(("train", model) for model in STAGES), ("evaluate",), ("predict",)]:
            measured = child([sys.executable, "-m", f"stages.{verb}", "topk", SIZE, *words], cwd=self.place)
            out[" ".join([verb, *words])] = {"seconds": measured.seconds, "peak_mb": measured.tree_mb}
        return out


def main() -> None:
    parser = argparse.ArgumentParser(description="Epoch and top-10 of everybody against implicit and RecBole.")
    parser.add_argument("--only", nargs="+", choices=("epoch", "lists", "memory"),
                        default=["epoch", "lists", "memory"])  # fmt: skip
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--folder", type=Path, default=ROOT / ".scratch" / "benchmarks" / "recommend")
    parser.add_argument("--fresh", action="store_true")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    cells, bench = Cells("recommend", options.fresh), Bench(options.folder.resolve())
    lines: list[dict[str, Any]] = []
    if "epoch" in options.only:
        sides = {f"ours, {name}": lambda m=model, p=params: bench.ours(m, p, "train")
                 for name, (model, params) in OURS.items()}  # fmt: skip
        sides |= {name: lambda w=words: bench.theirs(*w, "train") for name, words in EPOCHS.items()}
        lines += epochs(rounds(cells, "epoch", sides, options.rounds))
    exact = None
    if "lists" in options.only:
        sides = {"ours": lambda: bench.ours("mf", {}, "recommend")}
        sides |= {name: lambda w=words: bench.theirs(*w[:2], "recommend", w[2]) for name, words in LISTS.items()}
        lines += lists(rounds(cells, "lists", sides, options.rounds))
        exact = cells.get("exact", lambda: bench.ours("mf", {}, "exact"))
        exact = {"users whose list differs from the float64 one": exact["wrong"], "users": exact["users"]}
    if "memory" in options.only:
        lines += [{"work": f"stage {name}", "who": "ours", "s": one["seconds"], "peak MB": one["peak_mb"]}
                  for name, one in cells.get("stages", bench.stages).items()]  # fmt: skip
    cells.publish(lines, **SAMPLE, dim=DIM, rounds=options.rounds, exact=exact)


def rounds(cells: Cells, work: str, sides: dict[str, Any], count: int) -> dict[str, list[dict[str, Any]]]:
    """Side → what each round measured; every second round goes backwards."""
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in sides}
    for i in range(count):
        for name in list(sides) if i % 2 == 0 else list(reversed(sides)):
            found[name].append(cells.get(f"{work}, {name}, round {i}", sides[name]))
    return found


def least(measured: list[dict[str, Any]], key: str) -> float:
    """Of the rounds: what else runs on a machine only ever adds."""
    return min(one[key] for one in measured)


def ratio(theirs: list[dict[str, Any]], ours: list[dict[str, Any]]) -> float:
    """How many times as much processor time they take."""
    return least(theirs, "cpu") / least(ours, "cpu")


def line(work: str, who: str, measured: list[dict[str, Any]]) -> dict[str, Any]:
    return {"work": work, "who": who, "s": least(measured, "seconds"), "CPU s": least(measured, "cpu")}


def epochs(found: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    lines = []
    for name, measured in found.items():
        one = line("epoch", name, measured)
        one |= {"rows/s": measured[0]["rows"] / one["CPU s"], "peak MB": max(m["peak_mb"] for m in measured)}
        rival = RIVAL.get(OURS[name.removeprefix("ours, ")][0]) if name.startswith("ours") else None
        lines.append(one | ({"× faster than": f"{rival} {ratio(found[rival], measured):.1f}"} if rival else {}))
    return lines


def lists(found: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    lines = [line("top-10 of all", name, measured) | {"peak MB": max(m["peak_mb"] for m in measured)}
             for name, measured in found.items()]  # fmt: skip
    rivals = [f"{name} {ratio(measured, found['ours']):.1f}" for name, measured in found.items() if name != "ours"]
    lines[0]["× faster than"] = "; ".join(rivals)
    return lines


if __name__ == "__main__":
    main()
