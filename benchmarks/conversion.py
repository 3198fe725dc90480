"""Raw Parquet to what a model trains on: this pipeline, FuxiCTR's preprocessing and a floor, side by side on one core.

    python benchmarks/conversion.py                    # 200,000 rows, 3 alternating rounds; then ours at 1,000,000 rows
    python benchmarks/conversion.py --rounds 1 --peer-rows 50000 --large-rows 0

The table is generated (119 columns, mean history 500). All programs read the same file and are timed without their
imports, each in a process of its own, pinned to one core, one thread. Ours: stages extract (size full), convert,
features; sequences uncut. FuxiCTR: ``build_dataset``, histories cut at 500. The floor (conversion_floor.py) only
reads, parses and writes. Measurements are kept as they come in: a stopped run goes on where it was; --fresh starts
over. Our compiled parsing is compiled before: numba keeps it on disk for every run after an installation's first.
"""

import argparse
import shutil
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.measuring import HERE, PEERS, ROOT, Cells, child, median
from benchmarks.workspace import Workspace

STAGES = ("extract", "convert", "features")


def table(folder: Path, rows: int) -> Path:
    """The generated train.parquet of ``rows`` rows, made once."""
    made = folder / f"rows-{rows}"
    if not (made / "train.parquet").exists():
        words = f"-m rankpipe.sample ctr --rows {rows} --test-rows 1000 --mean-length 500 --out".split()
        child([sys.executable, *words, made])
    return made / "train.parquet"


def ours(folder: Path, source: Path) -> dict[str, Any]:
    """Seconds and peak MB of each stage."""
    place = folder / "ours"
    shutil.rmtree(place, ignore_errors=True)
    workspace = Workspace(place, {"threads": 1}, {"train.parquet": source})
    measured = {
        name: child([sys.executable, HERE / "timed_stage.py", "ctr", name, "full"], cwd=workspace.folder)
        for name in STAGES
    }
    written = sum(path.stat().st_size for path in place.glob("build/full/ctr/*/*.h5"))
    shutil.rmtree(place)
    return {
        "seconds": {name: m.said["seconds"] for name, m in measured.items()},
        "peak_mb": {n: m.tree_mb for n, m in measured.items()},
        "bytes_written": written,
    }


def peer(folder: Path, source: Path) -> dict[str, Any]:
    place = folder / "fuxictr"
    shutil.rmtree(place, ignore_errors=True)
    measured = child([PEERS, HERE / "peer_preprocess.py", source, place, "500"])
    shutil.rmtree(place)
    return {**measured.said, "peak_mb": measured.tree_mb}


def floor(folder: Path, source: Path) -> dict[str, Any]:
    place = folder / "floor.h5"
    measured = child([sys.executable, HERE / "conversion_floor.py", source, place])
    place.unlink(missing_ok=True)
    return {**measured.said, "peak_mb": measured.tree_mb}


def main() -> None:
    parser = argparse.ArgumentParser(description="Conversion against FuxiCTR and a floor, one core.")
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument(
        "--peer-rows", type=int, help="rows of FuxiCTR's file where --rows is too much memory (28 KB a row)"
    )
    parser.add_argument(
        "--large-rows", type=int, default=1_000_000, help="rows of ours alone, for flat memory; 0 leaves it out"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=ROOT / ".scratch" / "benchmarks" / "conversion")
    parser.add_argument("--fresh", action="store_true")
    options = parser.parse_args()
    rows, peer_rows, folder = options.rows, options.peer_rows or options.rows, options.folder.resolve()
    cells = Cells("conversion", options.fresh, rows=rows, peer_rows=peer_rows)
    source, peer_source = table(folder, rows), table(folder, peer_rows)
    ours(folder, table(folder, 2_000))  # compiles: numba keeps its code on disk for every later run

    rounds = []
    for i in range(options.rounds):
        programs = {
            "ours": lambda: ours(folder, source),
            "floor": lambda: floor(folder, source),
            "fuxictr": lambda: peer(folder, peer_source),
        }
        order = list(programs) if i % 2 == 0 else list(reversed(programs))
        rounds.append(
            {name: cells.get(f"{name}, {rows} rows, {peer_rows} theirs, round {i}", programs[name]) for name in order}
        )
    large = None
    if options.large_rows:
        large = cells.get(f"ours, {options.large_rows} rows", lambda: ours(folder, table(folder, options.large_rows)))
    cells.publish(
        summary(rounds, rows, peer_rows, large, options.large_rows),
        rows=rows,
        peer_rows=peer_rows,
        rounds=options.rounds,
    )


def summary(
    rounds: list[dict[str, Any]], rows: int, peer_rows: int, large: dict[str, Any] | None, large_rows: int
) -> list[dict[str, Any]]:
    """One row a kind of work; medians over the rounds, the ratio taken within each round."""

    def rate(one: dict[str, Any], names: tuple[str, ...], n: int) -> float:
        return n / sum(one["seconds"][name] for name in names)

    def line(work: str, names: tuple[str, ...]) -> dict[str, Any]:
        return {
            "work": work,
            "rows": rows,
            "rows/s": median([rate(r["ours"], names, rows) for r in rounds]),
            "× FuxiCTR": median(
                [rate(r["ours"], names, rows) / (peer_rows / r["fuxictr"]["seconds"]) for r in rounds]
            ),
            "× FuxiCTR without Ray's start": median(
                [
                    rate(r["ours"], names, rows) / (peer_rows / (r["fuxictr"]["seconds"] - r["fuxictr"]["start"]))
                    for r in rounds
                ]
            ),
            "× floor": median([rate(r["ours"], names, rows) / (rows / r["floor"]["seconds"]) for r in rounds])
            if names == ("convert",)
            else None,
            "peak MB": max(r["ours"]["peak_mb"][name] for r in rounds for name in names),
        }

    lines = [
        line("convert + features", STAGES[1:]),
        line("extract + convert + features", STAGES),
        line("convert", ("convert",)),
    ]
    lines += [
        {
            "work": name,
            "rows": n,
            "rows/s": median([n / r[key]["seconds"] for r in rounds]),
            "peak MB": max(r[key]["peak_mb"] for r in rounds),
        }
        for key, name, n in (("fuxictr", "FuxiCTR build_dataset", peer_rows), ("floor", "floor", rows))
    ]
    if large is not None:
        lines += [
            {
                "work": f"ours, {name}",
                "rows": large_rows,
                "rows/s": large_rows / large["seconds"][name],
                "peak MB": large["peak_mb"][name],
                "peak ÷ peak at fewer rows": large["peak_mb"][name]
                / median([r["ours"]["peak_mb"][name] for r in rounds]),
            }
            for name in STAGES
        ]
    return lines


if __name__ == "__main__":
    main()
