"""Push to a hub and load from it again, over HTTP on loopback."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hub_stand_in import TOKEN, Hub, point_to
from huggingface_hub import constants

from rankpipe.errors import InputError
from rankpipe.hub.bundle import MANIFEST, read_bundle, seal
from rankpipe.hub.download import fetch
from rankpipe.hub.upload import upload

REPO = "me/clicks"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with Hub() as server:
        point_to(server, tmp_path / "cache", monkeypatch)
        yield server


def bundle(folder: Path, weights: bytes = b"weights" * 1000, extra: str | None = None) -> Path:
    (folder / "features").mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(weights)
    (folder / "config.json").write_text('{"model": "lr"}\n')
    (folder / "features" / "encoders.json").write_text("{}\n")
    (folder / "README.md").write_text("---\nlibrary_name: rankpipe\n---\n# clicks\n")
    if extra:
        (folder / extra).write_text("{}\n")
    seal(folder, "ctr", "lr", {}, {})
    return folder


def test_upload_then_download_gives_the_same_bytes(hub: Hub, tmp_path: Path) -> None:
    sent = upload(bundle(tmp_path / "b"), REPO, None, private=True, message="first")
    assert (sent.repo, sent.revision, sent.endpoint) == (REPO, "main", hub.url)
    assert sent.commit == hub.repositories[REPO].branches["main"]
    assert hub.repositories[REPO].private
    assert any("/lfs/" in r for r in hub.requests), "weights go through LFS"
    got = fetch(REPO)
    assert got.name == sent.commit
    assert read_bundle(got) == read_bundle(tmp_path / "b")
    assert (got / "model.safetensors").read_bytes() == (tmp_path / "b" / "model.safetensors").read_bytes()
    assert hub.cards == [(tmp_path / "b" / "README.md").read_text()]


def test_each_revision_gives_its_own_bundle(hub: Hub, tmp_path: Path) -> None:
    first = upload(bundle(tmp_path / "1", b"one"), REPO, None, private=False, message="1")
    branch = upload(bundle(tmp_path / "2", b"two"), REPO, "trial", private=False, message="2")
    second = upload(bundle(tmp_path / "3", b"three"), REPO, None, private=False, message="3")
    assert len({first.commit, branch.commit, second.commit}) == 3
    for revision, weights in ((None, b"three"), ("main", b"three"), ("trial", b"two"), (first.commit, b"one")):
        assert (fetch(REPO, revision) / "model.safetensors").read_bytes() == weights


def test_a_push_is_one_commit_and_removes_what_the_bundle_no_longer_holds(hub: Hub, tmp_path: Path) -> None:
    upload(bundle(tmp_path / "1", extra="old.json"), REPO, None, private=False, message="1")
    upload(bundle(tmp_path / "2"), REPO, None, private=False, message="2")
    repository = hub.repositories[REPO]
    assert len(repository.commits) == 3  # the one that made the repository, and one for each push
    assert "old.json" not in repository.commits[repository.branches["main"]]
    assert ".gitattributes" in repository.commits[repository.branches["main"]]


def test_an_unchanged_bundle_makes_no_commit(hub: Hub, tmp_path: Path) -> None:
    first = upload(bundle(tmp_path / "b"), REPO, None, private=False, message="1")
    again = upload(tmp_path / "b", REPO, None, private=False, message="2")
    assert again.commit == first.commit
    assert len(hub.repositories[REPO].commits) == 2


def test_only_files_that_the_manifest_names_are_downloaded(hub: Hub, tmp_path: Path) -> None:
    upload(bundle(tmp_path / "b"), REPO, None, private=False, message="1")
    repository = hub.repositories[REPO]
    repository.commit("main", {**repository.commits[repository.branches["main"]], "evil.pkl": b"cos\nsystem\n"})
    assert not (fetch(REPO) / "evil.pkl").exists()


def test_a_file_changed_on_the_hub_is_refused(hub: Hub, tmp_path: Path) -> None:
    upload(bundle(tmp_path / "b"), REPO, None, private=False, message="1")
    repository = hub.repositories[REPO]
    repository.commit("main", {**repository.commits[repository.branches["main"]], "config.json": b'{"model": "fm"}\n'})
    with pytest.raises(InputError, match=r"config\.json: its sha256"):
        read_bundle(fetch(REPO))


def test_refusals_name_the_repository(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = bundle(tmp_path / "b")
    with pytest.raises(InputError, match=r"me/nothing at .*: no such repository"):
        fetch("me/nothing")
    upload(folder, REPO, None, private=True, message="1")
    with pytest.raises(InputError, match=r"me/clicks at .*: no revision 'v9'"):
        fetch(REPO, "v9")
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    with pytest.raises(InputError, match=r"me/other at .*: the token is not valid"):
        upload(folder, "me/other", None, private=True, message="1")
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "none"))
    with pytest.raises(InputError, match="no HF_TOKEN is set"):
        fetch(REPO)
    with pytest.raises(InputError, match="HF_TOKEN is not set; export a token"):
        upload(folder, REPO, None, private=True, message="1")
    assert set(hub.repositories) == {REPO}


def test_a_repository_without_a_bundle_is_refused(hub: Hub) -> None:
    from huggingface_hub import HfApi

    HfApi(endpoint=hub.url, token=TOKEN).create_repo("me/empty")
    with pytest.raises(InputError, match=f"me/empty: not a rankpipe bundle, the repository has no {MANIFEST}"):
        fetch("me/empty")


def test_an_unreachable_hub_is_one_line(tmp_path: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(InputError, match="not reachable"):
        fetch(REPO)
    with pytest.raises(InputError, match="not reachable"):
        upload(bundle(tmp_path / "b"), REPO, None, private=True, message="1")


def test_the_environment_alone_leads_to_the_hub(tmp_path: Path, root: Path) -> None:
    """In a process of its own, as a user does it: HF_ENDPOINT and HF_TOKEN set, nothing patched."""
    folder = bundle(tmp_path / "b")
    code = ("import json, sys; from pathlib import Path\n"
            "from rankpipe.hub.upload import upload; from rankpipe.hub.download import fetch\n"
            "sent = upload(Path(sys.argv[1]), 'me/clicks', 'v1', True, 'push')\n"
            "print(json.dumps([sent.commit, str(fetch('me/clicks', 'v1'))]))")
    with Hub() as hub:
        env = {**os.environ, "HF_ENDPOINT": hub.url, "HF_TOKEN": TOKEN, "HF_HOME": str(tmp_path / "home"),
               "HF_HUB_DISABLE_XET": "1", "PYTHONPATH": str(root / "src")}
        command = [sys.executable, "-c", code, str(folder)]
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    commit, snapshot = json.loads(done.stdout)
    assert Path(snapshot).name == commit
    assert read_bundle(Path(snapshot)) == read_bundle(folder)
