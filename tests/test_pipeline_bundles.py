"""What push leaves, for every track: a bundle that states itself, a card, a receipt. A Predictor needs no more."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from clones import ROOT, Clone
from tracks import TRACKS

from rankpipe import paths
from rankpipe.errors import InputError
from rankpipe.hub import Predictor
from rankpipe.hub.bundle import CARD, MANIFEST, digests, read_bundle
from rankpipe.io.json import read_json

pytestmark = pytest.mark.timeout(1800)  # the first test of all waits for a whole pipeline, on whatever else runs here


@pytest.fixture(params=TRACKS)
def track(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def bundle(track: str, undisturbed: Clone, tmp_path: Path) -> Path:
    """The bundle alone, far from the repository that made it."""
    return Path(shutil.copytree(undisturbed.path / paths.bundle("toy", track), tmp_path / "elsewhere"))


def test_the_receipt_leads_back_to_the_bundle_and_the_data(track: str, bundle: Path, undisturbed: Clone) -> None:
    receipt = read_json(undisturbed.path / paths.receipt("toy", track))
    manifest = read_bundle(bundle)
    assert (receipt["track"], receipt["model"], receipt["target"]) == (track, manifest.model, "folder")
    assert receipt["files"] == digests(bundle)
    assert set(digests(bundle)) == {*manifest.files, MANIFEST, CARD}
    assert manifest.metrics == read_json(undisturbed.path / paths.metrics("toy", track) / f"{manifest.model}.json")
    [md5] = re.findall(rf"path: data/{track}\n  hash: md5\n  md5: (\S+)", undisturbed.read("data.dvc"))
    assert manifest.data == {f"data/{track}": f"md5:{md5}"}


def test_the_chosen_model_is_the_best_on_valid(track: str, bundle: Path, undisturbed: Clone) -> None:
    metrics = {p.stem: read_json(p) for p in (undisturbed.path / paths.metrics("toy", track)).glob("*.json")}
    [order] = {key.removesuffix("_low") for values in metrics.values() for key in values if key.endswith("_low")}
    shipped = [model for model in metrics if model not in TRACKS[track].kept]
    best = (min if order == "rmse" else max)(shipped, key=lambda m: metrics[m][f"valid_{order}"])
    assert read_bundle(bundle).model == best


def test_the_card_shows_every_model_and_its_own_check_holds(track: str, bundle: Path) -> None:
    text = (bundle / CARD).read_text(encoding="utf-8")
    assert text.startswith("---\n") and f"**{read_bundle(bundle).model}**" in text
    assert all(re.search(rf"^\| \**{model}\** \|", text, re.MULTILINE) for model in TRACKS[track].models)
    [code] = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    done = subprocess.run([sys.executable, "-c", code.replace("path/to/this/folder", str(bundle))], cwd=bundle.parent,
                          env={**os.environ, "PYTHONPATH": str(ROOT / "src")}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_sample_request_on_the_command_line(track: str, bundle: Path, tmp_path: Path) -> None:
    frame, expected = Predictor.from_pretrained(bundle).sample()
    frame.to_parquet(tmp_path / "rows.parquet")
    done = subprocess.run([sys.executable, "-m", "rankpipe.hub", "predict", bundle, "rows.parquet", "out.csv"],
                          cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT / "src")}, capture_output=True,
                          text=True)
    assert done.returncode == 0, done.stderr
    got = pd.read_csv(tmp_path / "out.csv")
    if isinstance(expected, pd.DataFrame):
        assert set(got.columns) == set(expected.columns) and len(got) == len(expected)
        expected = expected["score"]
    np.testing.assert_allclose(got["score"], expected, atol=1e-5)


def test_a_changed_file_is_refused_before_it_is_read(track: str, bundle: Path) -> None:
    for name in read_bundle(bundle).files:
        whole = (bundle / name).read_bytes()
        (bundle / name).write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        with pytest.raises(InputError, match=f"{re.escape(name)}: its sha256 is not the one"):
            Predictor.from_pretrained(bundle)
        (bundle / name).write_bytes(whole)
    assert Predictor.from_pretrained(bundle).manifest.track == track


def test_a_frame_of_other_columns_is_refused_by_name(bundle: Path) -> None:
    predictor = Predictor.from_pretrained(bundle)
    frame, _ = predictor.sample()
    with pytest.raises(InputError, match="column"):
        predictor.predict(frame.rename(columns=lambda name: f"{name}_2"))
    with pytest.raises(InputError, match=r"pandas\.DataFrame"):
        predictor.predict(frame.to_dict("records"))


def test_the_order_of_columns_and_of_rows_changes_no_prediction(track: str, bundle: Path) -> None:
    predictor = Predictor.from_pretrained(bundle)
    frame, expected = predictor.sample()
    wide = frame.assign(nobody_asked=1)[["nobody_asked", *reversed(frame.columns)]]
    got = predictor.predict(wide)
    if isinstance(expected, pd.DataFrame):
        got, expected = got["score"], expected["score"]
    np.testing.assert_allclose(np.asarray(got, np.float64), np.asarray(expected, np.float64), atol=1e-6)
