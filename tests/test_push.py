"""The push stage: gate, bundle, delivery, receipt."""

import json
from pathlib import Path

import pytest
from hub_stand_in import Hub, point_to
from huggingface_hub import ModelCard
from shipping import change, shipped, write_board

from rankpipe import paths
from rankpipe.ctr.push import push
from rankpipe.errors import InputError
from rankpipe.hub import Predictor
from rankpipe.hub.bundle import digests, read_bundle

BUNDLE, RECEIPT = paths.bundle("toy", "ctr"), paths.receipt("toy", "ctr")
GATE = {"metric": "auc", "baseline": "lr", "margin": 0.0}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(shipped(tmp_path / "project", gate=GATE))
    return tmp_path / "project"


def receipt() -> dict:
    return json.loads(RECEIPT.read_text())


def test_the_bundle_holds_what_a_user_needs(project: Path) -> None:
    push("toy")
    manifest = read_bundle(BUNDLE)
    assert (manifest.track, manifest.model, manifest.metrics) == ("ctr", "din", {"auc": 0.7, "valid_auc": 0.7})
    assert set(manifest.files) == {"config.json", "features/encoders.json", "model.safetensors", "sample_request.json",
                                   "schema.json"}
    assert list(manifest.data) == ["data/ctr/test.parquet", "data/ctr/train.parquet"]
    assert all(v.startswith("sha256:") and len(v) == 71 for v in manifest.data.values())
    columns = json.loads((BUNDLE / "schema.json").read_text())["columns"]
    assert [(c["name"], c["role"]) for c in columns] == [
        ("city", "categorical"), ("hour", "categorical"), ("price", "numeric"), ("age", "numeric"), ("seq", "sequence")]
    card = (BUNDLE / "README.md").read_text()
    assert card.index("**din**") < card.index("| deepfm |") < card.index("| lr | 0.6000 [0.5800, 0.6200] |")
    assert manifest.data["data/ctr/train.parquet"] in card
    assert ModelCard(card).data.eval_results[0].metric_value == 0.7


def test_the_receipt_states_each_file_and_the_gate(project: Path) -> None:
    push("toy")
    got = receipt()
    assert (got["target"], got["folder"], got["model"]) == ("folder", "build/toy/ctr/bundle", "din")
    assert got["files"] == digests(BUNDLE)
    assert (got["gate"]["baseline"], got["gate"]["gain"]) == ("lr", 0.1)
    assert got["gate"]["low"] == pytest.approx(0.05)


def test_twice_gives_the_same_bytes(project: Path) -> None:
    push("toy")
    first = {**digests(BUNDLE), "receipt": RECEIPT.read_bytes()}
    push("toy")
    assert {**digests(BUNDLE), "receipt": RECEIPT.read_bytes()} == first


def test_tracked_data_are_named_by_dvc_s_hash(project: Path) -> None:
    Path("data.dvc").write_text("outs:\n- md5: 1f3.dir\n  path: data/ctr\n- md5: 9.dir\n  path: data/rating\n")
    push("toy")
    assert read_bundle(BUNDLE).data == {"data/ctr": "md5:1f3.dir"}
    Path("data/ctr/train.parquet").unlink()  # on a machine that never pulled it
    push("toy")
    Path("data.dvc").write_text("outs: 7\n")
    with pytest.raises(InputError, match=r"data\.dvc: not readable as a DVC file"):
        push("toy")


@pytest.mark.parametrize(("gain", "gate", "message"), [
    (0.04, GATE, r"din at size toy does not beat lr: its gain in auc is \+0\.0400 \[-0\.0100, \+0\.0900\]"),
    (0.10, {**GATE, "margin": 0.05}, r"the low end must exceed 0\.05"),
    (0.04, {**GATE, "metric": "logloss"}, r"does not beat lr: its gain in logloss is \+0\.0400"),
    (0.10, {**GATE, "baseline": "din"}, r"din at size toy is the baseline itself"),
    (0.10, {**GATE, "baseline": "constant", "margin": 0.19}, r"does not beat constant: .* \[\+0\.1800, \+0\.2200\]"),
    (0.10, {**GATE, "baseline": "fm"}, r"push\.gate\.baseline: no 'fm' on the leaderboard"),
    (0.10, {**GATE, "metric": "acu"}, r"push\.gate\.metric: no 'acu' on the leaderboard; did you mean 'auc'"),
    (0.10, {**GATE, "metric": "logloss", "baseline": "deepfm"}, r"paired\.csv: doesn't compare din with deepfm"),
])
def test_the_gate_refuses_and_nothing_is_left(project: Path, gain: float, gate: dict, message: str) -> None:
    push("toy")  # an older receipt must not outlive the refusal
    bundle = digests(BUNDLE)
    write_board(project, gain)
    change(project, "push", gate=gate)
    with pytest.raises(InputError, match=message) as error:
        push("toy")
    assert "\n" not in str(error.value)
    assert not RECEIPT.exists()
    assert digests(BUNDLE) == bundle


@pytest.mark.parametrize("gate", [
    None, GATE, {**GATE, "metric": "logloss"}, {**GATE, "baseline": "deepfm"},
    {**GATE, "baseline": "constant", "margin": 0.1}, {**GATE, "metric": "logloss", "baseline": "constant"},
])
def test_the_gate_lets_a_better_model_through(project: Path, gate: dict | None) -> None:
    change(project, "push", gate=gate)
    push("toy")
    assert RECEIPT.exists()


def test_the_folder_target_copies_and_never_overwrites_something_else(project: Path, tmp_path: Path) -> None:
    target = tmp_path / "models" / "clicks"
    change(project, "push", folder=str(target))
    push("toy")
    assert digests(target) == digests(BUNDLE)
    assert receipt()["folder"] == str(target)
    push("toy")  # a bundle is replaced
    assert digests(target) == digests(BUNDLE)
    other = tmp_path / "home"
    other.mkdir()
    (other / "thesis.txt").write_text("years of work")
    change(project, "push", folder=str(other))
    with pytest.raises(InputError, match="holds something else than a bundle, and isn't replaced"):
        push("toy")
    assert [p.name for p in other.iterdir()] == ["thesis.txt"]
    assert not RECEIPT.exists()


def test_the_hub_target_ends_in_a_predictor(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    change(project, "push", target="hub", repo="me/clicks", revision="v1")
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with pytest.raises(InputError, match="HF_TOKEN is not set"):
        push("toy")
    assert not RECEIPT.exists()
    with Hub() as hub:
        point_to(hub, tmp_path / "cache", monkeypatch)
        push("toy")
        got = receipt()
        assert (got["target"], got["repo"], got["revision"], got["endpoint"]) == ("hub", "me/clicks", "v1", hub.url)
        assert got["commit"] == hub.repositories["me/clicks"].branches["v1"]
        predictor = Predictor.from_pretrained("me/clicks", revision=got["commit"])
        frame, expected = predictor.sample()
        assert predictor.predict(frame) == pytest.approx(expected, abs=1e-6)
        assert digests(predictor.folder) == got["files"]


@pytest.mark.parametrize(("values", "message"), [
    ({"target": "hub"}, r"ctr\.push: target hub needs repo: org/name"),
    ({"target": "cloud"}, r"ctr\.push\.target: 'cloud' is not a choice"),
    ({"gate": {"margn": 1}}, r"ctr\.push\.gate\.margn: unknown parameter; did you mean 'margin'"),
    ({"model": "bts"}, r"no model 'bts' was judged at size toy"),
])
def test_a_bad_parameter_is_one_line(project: Path, values: dict, message: str) -> None:
    change(project, "push", **values)
    with pytest.raises(InputError, match=message):
        push("toy")
    assert not BUNDLE.exists()
