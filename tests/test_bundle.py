"""The bundle folder, its card and its receipt, whatever the track."""

import json
from contextlib import nullcontext
from pathlib import Path

import pandas as pd
import pytest
from huggingface_hub import ModelCard

from rankpipe.errors import InputError
from rankpipe.hub import Predictor
from rankpipe.hub.bundle import MANIFEST, Manifest, read_bundle, read_manifest, seal
from rankpipe.hub.card import Card, Figure, render
from rankpipe.hub.download import fetch
from rankpipe.hub.receipt import write_receipt


def sealed(folder: Path, track: str = "ctr") -> Path:
    (folder / "features").mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"weights")
    (folder / "features" / "encoders.json").write_text("{}\n")
    (folder / "README.md").write_text("# card\n")
    seal(folder, track, "lr", {"auc": 0.7}, {"data/ctr": "md5:1"})
    return folder


def edit(folder: Path, **values: object) -> None:
    path = folder / MANIFEST
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def test_a_sealed_folder_is_read_back(tmp_path: Path) -> None:
    manifest = read_bundle(sealed(tmp_path / "b"))
    assert (manifest.track, manifest.model, manifest.format) == ("ctr", "lr", 1)
    assert manifest.metrics == {"auc": 0.7}
    assert manifest.data == {"data/ctr": "md5:1"}
    assert list(manifest.files) == ["features/encoders.json", "model.safetensors"]
    assert manifest.files["model.safetensors"]["bytes"] == 7


def test_equal_folders_give_equal_manifests(tmp_path: Path) -> None:
    one, two = sealed(tmp_path / "1"), sealed(tmp_path / "2")
    assert (one / MANIFEST).read_bytes() == (two / MANIFEST).read_bytes()


def test_the_card_may_be_edited_and_other_files_may_not(tmp_path: Path) -> None:
    folder = sealed(tmp_path / "b")
    (folder / "README.md").write_text("# edited on the hub\n")
    (folder / ".gitattributes").write_text("* text\n")
    assert isinstance(read_bundle(folder), Manifest)
    (folder / "model.safetensors").write_bytes(b"weightz")
    with pytest.raises(InputError, match=r"model\.safetensors: its sha256 is not the one in rankpipe\.json"):
        read_bundle(folder)
    (folder / "model.safetensors").unlink()
    with pytest.raises(InputError, match=r"model\.safetensors: missing from the bundle"):
        read_bundle(folder)


@pytest.mark.parametrize(("values", "message"), [
    ({"format": 2}, r"bundle format 2, and rankpipe .* reads format 1; install the version that wrote it"),
    ({"format": None}, r"bundle format None"),
    ({"surprise": 1}, r"unknown key 'surprise'"),
    ({"files": []}, r"'files' is not a mapping"),
    ({"files": {"../secret": {"sha256": "0"}}}, r"refuses the file name '\.\./secret'"),
    ({"files": {"/etc/passwd": {"sha256": "0"}}}, r"refuses the file name '/etc/passwd'"),
    ({"files": {"model.pkl": {"sha256": "0"}}}, r"refuses the file name 'model\.pkl'"),
    ({"files": {"model.safetensors": None}}, r"model\.safetensors: its sha256"),
])
def test_a_manifest_that_we_do_not_understand_is_refused(tmp_path: Path, values: dict, message: str) -> None:
    folder = sealed(tmp_path / "b")
    edit(folder, **values)
    with pytest.raises(InputError, match=message):
        read_bundle(folder)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"format": 1}'])
def test_a_damaged_manifest_is_refused(tmp_path: Path, text: str) -> None:
    folder = sealed(tmp_path / "b")
    (folder / MANIFEST).write_text(text)
    with pytest.raises(InputError, match=r"rankpipe\.json"):
        read_bundle(folder)


def test_a_pickle_is_not_sealed(tmp_path: Path) -> None:
    (tmp_path / "model.pkl").write_bytes(b"cos\nsystem\n")
    with pytest.raises(InputError, match=r"model\.pkl: a bundle holds no pickled file"):
        seal(tmp_path, "ctr", "lr", {}, {})
    assert not (tmp_path / MANIFEST).exists()


def test_what_is_no_bundle_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"not a rankpipe bundle, it has no rankpipe\.json"):
        Predictor.from_pretrained(tmp_path)
    with pytest.raises(InputError, match="no such folder, and not the name of a hub repository"):
        Predictor.from_pretrained(str(tmp_path / "nowhere"))
    with pytest.raises(InputError, match="no such folder"):
        Predictor.from_pretrained(tmp_path / "nowhere")
    with pytest.raises(InputError, match="a folder has no revision 'v1'"):
        fetch(sealed(tmp_path / "b"), "v1")


@pytest.mark.parametrize("track", ["weather", "os.path", "data"])
def test_a_track_that_this_version_lacks_is_refused(tmp_path: Path, track: str) -> None:
    with pytest.raises(InputError, match=f"a bundle of track '{track}', which this rankpipe can't score"):
        Predictor.from_pretrained(sealed(tmp_path / "b", track))


def test_a_receipt_states_every_file_and_has_no_time_in_it(tmp_path: Path) -> None:
    folder = sealed(tmp_path / "b")
    for name in ("1.json", "2.json"):
        write_receipt(tmp_path / name, folder, "folder", {"folder": "build/toy/ctr/bundle"}, None)
    assert (tmp_path / "1.json").read_bytes() == (tmp_path / "2.json").read_bytes()
    receipt = json.loads((tmp_path / "1.json").read_text())
    assert receipt["target"] == "folder"
    assert set(receipt["files"]) == {"README.md", "features/encoders.json", "model.safetensors", "rankpipe.json"}


def card(**values: object) -> Card:
    figures = {"lr": {"auc": Figure(0.7, 0.68, 0.72)},
               "feseq": {"auc": Figure(0.8, 0.78, 0.82), "logloss": Figure(0.1)}}
    settings = {"title": "ctr-toy-feseq", "model": "feseq", "summary": "Scores clicks.", "use": "Ranking ads.",
                "limits": ("One country.",), "figures": figures, "notes": ("test: 6,000 rows.",),
                "data": {"data/ctr": "md5:1"},
                "request": {"rows": [{"hour": "08"}], "scores": [0.25]}, "tags": ("ctr",), "names": {"auc": "roc_auc"}}
    return Card(**{**settings, **values})


def test_the_card_says_what_it_must() -> None:
    text = render(card())
    assert "| **feseq** | 0.8000 [0.7800, 0.8200] | 0.1000 |" in text
    assert "| lr | 0.7000 [0.6800, 0.7200] | – |" in text
    assert text.index("**feseq**") < text.index("| lr |")
    for words in ("`md5:1`", "- test: 6,000 rows.", "Ranking ads.", "- One country.", "from_pretrained", "hour: '08'",
                  "score 0.250000"):
        assert words in text
    assert render(card()) == text


ANSWERS = [{"user": "3", "item": "12", "score": 0.5}, {"user": "3", "item": "7", "score": 0.25}]


def test_a_row_may_have_many_answers(tmp_path: Path) -> None:
    """Lists of items, say: the card shows all of them, and its check of a load holds for them alone."""
    text = render(card(request={"rows": [{"user": "3"}], "answers": ANSWERS}))
    assert "| user | item | score |" in text and "| 3 | 7 | 0.250000 |" in text and "must score" not in text
    sealed(tmp_path)
    (tmp_path / "sample_request.json").write_text(json.dumps({"rows": [{"user": "3"}], "answers": ANSWERS}))
    [check] = [line for line in text.splitlines() if line.startswith("assert ")]
    for given, holds in ((ANSWERS, True), (ANSWERS[::-1], False)):
        predictor = Predictor(read_manifest(tmp_path), tmp_path, lambda frame, given=given: pd.DataFrame(given))
        frame, expected = predictor.sample()
        assert frame.to_dict("records") == [{"user": "3"}]
        with nullcontext() if holds else pytest.raises(AssertionError):
            exec(check, {"predictor": predictor, "frame": frame, "expected": expected})


def test_the_hub_reads_the_front_matter() -> None:
    data = ModelCard(render(card())).data
    assert data.to_dict()["library_name"] == "rankpipe"
    assert data.pipeline_tag == "tabular-classification"
    first = data.eval_results[0]
    assert (first.metric_type, first.metric_value, first.dataset_split) == ("roc_auc", 0.8, "test")
    assert "license" not in data.to_dict()
    assert ModelCard(render(card(license="apache-2.0"))).data.license == "apache-2.0"
