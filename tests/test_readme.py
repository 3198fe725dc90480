"""The README's examples, run as they are written there."""

import re
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from clones import Clone, clone_of, yaml
from tracks import TRACKS

from rankpipe.io.json import read_json

UNTRAINED = ("constant", "control", "random_order", "starting_order")
"""On a board for comparison; they have no metrics of their own."""


def blocks(root: Path, heading: str, language: str) -> list[str]:
    """The fenced blocks of a language under ``## heading``."""
    section = re.split(r"^## ", (root / "README.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    text = next(s for s in section if s.startswith(heading))
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def replace(values: Any, changes: Any) -> None:
    """Replaces the blocks named in ``changes``, at the top level and under ``ctr``."""
    for key, change in changes.items():
        if key == "ctr":
            values[key].update(change)
        else:
            values[key] = change


def test_own_data_on_frappe_as_written(root: Path, origin: Clone, real_data: Path, tmp_path: Path) -> None:
    clone = clone_of(origin, tmp_path / "clone")
    (clone.path / "data" / "ctr").mkdir(parents=True)
    shutil.copy(real_data / "frappe" / "frappe_57k.libsvm", clone.path)
    clone.run(sys.executable, "-c", blocks(root, "Your own data", "python")[0])
    changes = yaml().load(blocks(root, "Your own data", "yaml")[0])
    for model in changes["ctr"]["models"].values():  # the README trains to the end, a test need not
        model["epochs"] = 4
    clone.edit_params(lambda values: replace(values, changes))
    for line in blocks(root, "Your own data", "bash")[0].splitlines():
        clone.run(*line.split("#")[0].split())

    metrics = {m: read_json(clone.path / "metrics" / "full" / "ctr" / f"{m}.json") for m in ("lr", "deepfm")}
    assert metrics["lr"]["auc"] > 0.7
    assert metrics["deepfm"]["auc"] > metrics["lr"]["auc"]
    submission = (clone.path / "build" / "full" / "ctr" / "predictions" / "submission.csv").read_text().splitlines()
    assert submission[0] == "id,label"
    assert len(submission) == 1 + 5772


@pytest.mark.parametrize("heading", ["What it finds", "Ten films", "What a query means", "Korean sentences"])
def test_predictor_as_written(heading: str, root: Path, undisturbed: Clone) -> None:
    undisturbed.run(sys.executable, "-c", blocks(root, heading, "python")[0])


@pytest.mark.parametrize("track", TRACKS)
def test_result_table_is_what_the_pipeline_measured(root: Path, track: str) -> None:
    [table] = re.findall(rf"```text\n({track} · toy · test: .*?)```", (root / "README.md").read_text(encoding="utf-8"),
                         re.DOTALL)
    rows = re.findall(r"^([\w-]+) °?\s+(\d\.\d{4})\s+\[(\d\.\d{4}), (\d\.\d{4})\]", table, flags=re.MULTILINE)
    measured = {p.stem: read_json(p) for p in (root / "metrics" / "toy" / track).glob("*.json")}
    rows = [row for row in rows if row[0] not in UNTRAINED]
    assert {name for name, *_ in rows} == set(measured)
    [order] = {key.removesuffix("_low") for values in measured.values() for key in values if key.endswith("_low")}
    for name, *figures in rows:
        assert figures == [f"{measured[name][key]:.4f}" for key in (order, f"{order}_low", f"{order}_high")]
