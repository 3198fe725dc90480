"""A second machine takes over from a remote: it runs no stage again and fetches only what a changed stage needs."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from clones import Clone, clone_of, copy_of, files, stages_run
from servers import s3_server, ssh_server
from tracks import TRACKS

from rankpipe.cells import cell

pytestmark = pytest.mark.timeout(1800)  # the first test of all waits for a whole pipeline, on whatever else runs here


@pytest.fixture
def ssh_box(tmp_path: Path) -> Iterator[list[list[str]]]:
    """`dvc remote` commands for a folder on an SSH server."""
    with ssh_server(tmp_path / "box") as (port, key):
        yield [["add", "--local", "--default", "box", f"ssh://user@127.0.0.1:{port}/store"],
               ["modify", "--local", "box", "keyfile", str(key)]]


@pytest.fixture
def s3_box() -> Iterator[list[list[str]]]:
    """`dvc remote` commands for a bucket on an S3 server."""
    with s3_server("store") as endpoint:
        yield [["add", "--local", "--default", "box", "s3://store/rankpipe"],
               ["modify", "--local", "box", "endpointurl", endpoint],
               ["modify", "--local", "box", "access_key_id", "test"],
               ["modify", "--local", "box", "secret_access_key", "test"]]


def test_second_machine_over_ssh(ssh_box: list[list[str]], undisturbed: Clone, tmp_path: Path) -> None:
    laptop, gpu = pushed_and_cloned(ssh_box, undisturbed, tmp_path)
    gpu.edit_params(faster)
    retrained(gpu, list(TRACKS))
    for name in TRACKS:
        assert raw(laptop, name) & cached(laptop)
        assert not raw(laptop, name) & cached(gpu)
    ran = stages_run(gpu.dvc("repro", "--pull", "--allow-missing"))
    assert set(ran) == set().union(*(track.downstream(name) for name, track in TRACKS.items()))
    # What the box fetched in parts makes up the same folders that the laptop has whole.
    laptop.edit_params(faster)
    laptop.dvc("repro")
    assert laptop.read("dvc.lock") == gpu.read("dvc.lock")


def test_second_machine_over_s3(s3_box: list[list[str]], undisturbed: Clone, tmp_path: Path) -> None:
    """Another remote, the same commands; what a track's cells fetch is asked above."""
    _, gpu = pushed_and_cloned(s3_box, undisturbed, tmp_path)
    gpu.edit_params(faster)
    retrained(gpu, ["ctr"])


def pushed_and_cloned(box: list[list[str]], undisturbed: Clone, folder: Path) -> tuple[Clone, Clone]:
    """A laptop that pushed all its results, and a fresh clone that has fetched nothing, since nothing changed."""
    laptop = copy_of(undisturbed, folder / "laptop")
    add_remote(laptop, box)
    laptop.dvc("push")
    gpu = clone_of(laptop, folder / "gpu")
    add_remote(gpu, box)
    assert stages_run(gpu.dvc("repro", "--pull", "--allow-missing")) == []
    assert gpu.git("status", "--porcelain") == ""
    assert cached(gpu) == set()
    return laptop, gpu


def retrained(gpu: Clone, tracks: list[str]) -> None:
    """Runs the changed cells alone, for which it fetches what they read alone."""
    cells = [cell(name, "toy", TRACKS[name].neural) for name in tracks]
    assert set(stages_run(gpu.dvc("repro", "--pull", "--allow-missing", *cells))) == set(cells)
    lock = gpu.lock()
    needed = {md5 for name in cells for path, md5 in hashes(lock[name]) if path.startswith("build/")}
    assert listed(gpu, needed) >= cached(gpu) > set()


def faster(values: dict[str, Any]) -> None:
    for name, track in TRACKS.items():
        values[name]["models"][track.neural]["lr"] = 0.002


def test_what_no_remote_has_is_one_line(undisturbed: Clone, tmp_path: Path) -> None:
    clone = clone_of(undisturbed, tmp_path / "clone")  # its remote is the sample's, which holds raw data alone
    code = ("import stages; from pathlib import Path; from rankpipe.stage import one_line_errors as lines\n"
            "from rankpipe.io.tracked import restore\n"
            "with lines(): restore([Path('build/toy/ctr/scores/lr')])")
    output = clone.run("python", "-c", code, fails=True)
    assert output.count("error: build/toy/ctr/scores/lr: in dvc.lock, but neither in the cache nor in the remote") == 1
    assert "Traceback" not in output
    assert not (clone.path / "build").exists()
    # A folder that nobody tracks is left to whoever wants to read it.
    clone.run("python", "-c", code.replace("scores/lr", "scores/none"))


def test_an_experiment_travels_back(ssh_box: list[list[str]], undisturbed: Clone, tmp_path: Path) -> None:
    """`dvc exp push` on one machine, `pull` and `apply` on the other, over a bare git repository and the remote."""
    laptop = copy_of(undisturbed, tmp_path / "laptop")
    bare = tmp_path / "bare.git"
    laptop.git("init", "--quiet", "--bare", "--initial-branch", "main", str(bare))
    laptop.git("remote", "set-url", "origin", str(bare))
    laptop.git("push", "--quiet", "origin", "main")
    add_remote(laptop, ssh_box)
    laptop.dvc("push")

    gpu = clone_of(Clone(bare), tmp_path / "gpu")
    add_remote(gpu, ssh_box)
    slow = "train-ctr@toy-lr"
    gpu.dvc("exp", "run", "--name", "slow", "--pull", "--allow-missing", "--set-param", "ctr.models.lr.lr=1e-5", slow)
    gpu.dvc("exp", "push", "origin", "slow")

    laptop.dvc("exp", "pull", "origin", "slow")
    laptop.dvc("exp", "apply", "slow")
    assert laptop.lock()[slow] == gpu.lock()[slow] != undisturbed.lock()[slow]
    assert stages_run(laptop.dvc("repro", slow)) == []
    [model] = [out["path"] for out in laptop.lock()[slow]["outs"] if "/models/" in out["path"]]
    assert files(laptop.path, model) == files(gpu.path, model) != {}


def add_remote(clone: Clone, commands: list[list[str]]) -> None:
    for words in commands:
        clone.dvc("remote", *words)


def hashes(stage: dict) -> list[tuple[str, str]]:
    """(path, md5) of a stage's dependencies and outputs."""
    return [(entry["path"], entry["md5"]) for entry in [*stage["deps"], *stage["outs"]]]


def cached(clone: Clone) -> set[str]:
    """Hashes of what lies in the clone's DVC cache."""
    folder = clone.path / ".dvc" / "cache" / "files" / "md5"
    return {path.parent.name + path.name for path in folder.rglob("*") if path.is_file()}


def listed(clone: Clone, md5s: set[str]) -> set[str]:
    """``md5s`` and, for each folder among them, its files'."""
    inside = set()
    for md5 in md5s:
        if md5.endswith(".dir"):
            entries = clone.path / ".dvc" / "cache" / "files" / "md5" / md5[:2] / md5[2:]
            inside |= {entry["md5"] for entry in json.loads(entries.read_text())}
    return md5s | inside


def raw(clone: Clone, track: str) -> set[str]:
    """Hashes of the raw files that convert reads."""
    return {md5 for path, md5 in hashes(clone.lock()[f"convert-{track}@toy"]) if path.startswith(f"data/{track}")}
