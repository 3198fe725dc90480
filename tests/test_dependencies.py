"""A stage re-runs exactly when something it uses changed: dvc.yaml against imports, each stage in a bare sandbox."""

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from clones import Clone, copy_of, files, yaml
from dependencies import written
from dvc.dependency.param import ParamsDependency
from dvc.repo import Repo
from imports import ROOT, closure, imported, inert, others, source
from tracks import TRACKS

from rankpipe.cells import cell as name_of
from rankpipe.params import get
from rankpipe.stage import tracks

LIGHT = ("extract", "convert", "evaluate")
"""Verbs that need no torch."""


@dataclass(frozen=True)
class Cell:
    """One expanded stage of dvc.yaml."""

    name: str
    cmd: str
    deps: tuple[str, ...]
    params: tuple[str, ...]
    outs: tuple[str, ...]

    @property
    def words(self) -> list[str]:
        """Verb, track, size and, for some, a model."""
        python, flag, module, *rest = self.cmd.split()
        assert (python, flag) == ("python", "-m")
        return [module.removeprefix("stages."), *rest]

    def needed(self) -> set[str]:
        """Files of the project that the stage imports: script, the track's verb and, where it names one, the model."""
        verb, track, _, *model = self.words
        modules = [f"stages.{verb}", f"rankpipe.{track}.{verb}", *(f"rankpipe.{track}.models.{name}" for name in model)]
        return {file for file in closure(*modules) if not inert(ROOT / file)}

    def code(self) -> set[str]:
        return {dep for dep in self.deps if dep.startswith(("src/", "stages/"))}


def cells(root: Path) -> dict[str, Cell]:
    """Name → cell, as DVC itself expands dvc.yaml at ``root``."""
    with Repo(str(root)) as repo:
        found = {}
        for stage in repo.index.stages:
            if not stage.cmd:
                continue
            deps = [dep for dep in stage.deps if not isinstance(dep, ParamsDependency)]
            params = [key for dep in stage.deps if isinstance(dep, ParamsDependency) for key in dep.params]
            found[stage.name] = Cell(stage.name, stage.cmd, tuple(dep.def_path for dep in deps), tuple(params),
                                     tuple(out.def_path for out in stage.outs))
    return dict(sorted(found.items()))


CELLS = cells(ROOT)


def covers(dep: str, file: str) -> bool:
    return file == dep or file.startswith(f"{dep}/")


@pytest.mark.parametrize("name", CELLS)
def test_every_imported_file_is_a_dependency(name: str) -> None:
    cell = CELLS[name]
    missing = sorted(file for file in cell.needed() if not any(covers(dep, file) for dep in cell.code()))
    assert not missing, f"dvc.yaml: {name}: add to deps: {', '.join(missing)}"


@pytest.mark.parametrize("name", CELLS)
def test_every_code_dependency_is_imported(name: str) -> None:
    cell = CELLS[name]
    verb, track = cell.words[:2]
    # Cells of a group share one list: what any of its models imports. A stage that loads a model by id may need any.
    needed = set().union(*(other.needed() for other in CELLS.values() if other.words[:2] == [verb, track]))
    models = [f"rankpipe.{track}.models.{path.stem}" for path in (ROOT / f"src/rankpipe/{track}/models").glob("*.py")]
    if f"src/rankpipe/{track}/models" in cell.code():
        needed |= set(closure(*models))
    needless = sorted(dep for dep in cell.code() if not any(covers(dep, file) for file in needed))
    assert not needless, f"dvc.yaml: {name}: drop from deps: {', '.join(needless)}"
    assert all((ROOT / dep).exists() for dep in cell.code())


def test_the_command_that_writes_the_lists_has_nothing_to_write() -> None:
    """And so the lists are those that the tests above want."""
    text = (ROOT / "dvc.yaml").read_text(encoding="utf-8")
    assert written(text) == text, "run python tests/dependencies.py --write"
    assert written(text.replace("src/rankpipe/stage.py]", "src/rankpipe/none.py]")) == text


@pytest.mark.parametrize("name", CELLS)
def test_another_track_is_no_dependency(name: str) -> None:
    cell = CELLS[name]
    strangers = {track for track in tracks() if track != cell.words[1]}
    for dep in cell.deps:
        assert not strangers & set(dep.removesuffix(".py").split("/")[:3]), dep  # rankpipe.nn.embedding is no track
    for key in cell.params:
        assert key.split(".")[0] not in strangers


def test_a_missing_import_is_seen() -> None:
    """The closure follows imports of imports, imports inside functions, and each package on the way."""
    needed = CELLS["train-ctr@toy-deepfm"].needed()
    assert {"stages/__init__.py", "stages/train.py"} <= needed
    assert {f"src/rankpipe/{file}.py" for file in ("stage", "errors", "ctr/train", "ctr/models/deepfm")} <= needed
    assert "src/rankpipe/ctr/models/feseq.py" not in needed
    assert "src/rankpipe/ctr/convert.py" not in needed


@pytest.mark.parametrize("track", tracks())
def test_tracks_and_rooms_import_downwards(track: str) -> None:
    package = ROOT / "src" / "rankpipe"
    for path in sorted((package / track).rglob("*.py")):
        for name in imported_by(path):
            assert name.split(".")[1:2] not in [[t] for t in tracks() if t != track], f"{path} imports {name}"
    for path in sorted(package.rglob("*.py")):
        if path.relative_to(package).parts[0] in tracks():
            continue
        assert not any(name.split(".")[1:2] == [track] for name in imported_by(path)), f"{path} imports {track}"


def imported_by(path: Path) -> list[str]:
    return [name for name in imported(path) if name.split(".")[0] in ("rankpipe", "stages")]


def test_nothing_imports_a_stage_script() -> None:
    for path in sorted((ROOT / "src").rglob("*.py")):
        assert not any(name.split(".")[0] == "stages" for name in imported_by(path)), path


def test_metrics_need_no_torch() -> None:
    modules = [f"rankpipe.metrics.{path.stem}" for path in (ROOT / "src" / "rankpipe" / "metrics").glob("*.py")]
    assert "numpy" in others(*modules)
    assert not {"torch", "matplotlib", "lightgbm", "transformers"} & others(*modules)


@pytest.mark.parametrize("verb", LIGHT)
def test_light_stages_start_without_torch(verb: str) -> None:
    verbs = "; ".join(f"s.verb('{track}', '{verb}')" for track in tracks())
    code = f"import sys, stages.{verb}, rankpipe.stage as s; {verbs}; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("group", dict.fromkeys(name.split("@")[0] for name in CELLS))
def test_a_stage_runs_on_its_declared_dependencies_alone(group: str, undisturbed: Clone, tmp_path: Path) -> None:
    """Only its deps, and of params.yaml only its keys: the stage must run and write the same bytes."""
    for cell in cells(undisturbed.path).values():
        if cell.name.split("@")[0] != group:
            continue
        sandbox = Clone(tmp_path / cell.name, hash_seed=5)
        for dep in cell.deps:
            copy(undisturbed.path / dep, sandbox.path / dep)
        for package in undisturbed.path.glob("src/rankpipe/**/__init__.py"):
            if inert(package) and (sandbox.path / package.relative_to(undisturbed.path)).parent.is_dir():
                copy(package, sandbox.path / package.relative_to(undisturbed.path))
        # Its hash of the raw data goes into push's card; DVC refuses it as a dependency, and models change with it.
        copy(undisturbed.path / "data.dvc", sandbox.path / "data.dvc")
        keep_keys(undisturbed.path / "params.yaml", sandbox.path / "params.yaml", cell.params)
        sandbox.run(*cell.cmd.split())
        assert files(sandbox.path, *cell.outs) == files(undisturbed.path, *cell.outs)


def test_a_change_in_another_track_makes_nothing_stale(undisturbed: Clone, tmp_path: Path) -> None:
    clone = copy_of(undisturbed, tmp_path / "clone")
    package = clone.path / "src" / "rankpipe" / "another"
    package.mkdir()
    for name in ("__init__", "extract"):
        (package / f"{name}.py").write_text("", encoding="utf-8")
    clone.edit_params(lambda values: values.update(another={"models": {"x": {"lr": 1}}}))
    assert stale(clone) == set()


def test_an_edited_model_makes_no_other_cell_stale(undisturbed: Clone, tmp_path: Path) -> None:
    clone = copy_of(undisturbed, tmp_path / "clone")
    for name, track in TRACKS.items():
        with (clone.path / f"src/rankpipe/{name}/models/{track.neural}.py").open("a", encoding="utf-8") as file:
            file.write("# edited\n")
    found = stale(clone)
    trained = {name_of(name, "toy", model) for name, track in TRACKS.items() for model in track.models}
    assert found & trained == {name_of(name, "toy", track.neural) for name, track in TRACKS.items()}
    assert not {cell for cell in found if cell.startswith(("extract-", "convert-", "features-"))}


def stale(clone: Clone) -> set[str]:
    """Stages that `dvc status` names."""
    return set(json.loads(clone.dvc("status", "--json")))


def copy(path: Path, to: Path) -> None:
    """With what numba has compiled of it, which takes longer than most stages."""
    if path.is_dir():
        shutil.copytree(path, to, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.pyc"))
    else:
        for file in [path, *path.parent.glob(f"__pycache__/{path.stem}.*.nb[ci]")]:
            target = to.parent / file.relative_to(path.parent)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(file, target)


def keep_keys(path: Path, to: Path, keys: tuple[str, ...]) -> None:
    values = yaml().load(path.read_text(encoding="utf-8"))
    kept: dict = {}
    for key in keys:
        *above, last = key.split(".")
        node = kept
        for part in above:
            node = node.setdefault(part, {})
        node[last] = get(values, key)
    with to.open("w", encoding="utf-8") as file:
        yaml().dump(kept, file)


def test_source_knows_the_project_from_others() -> None:
    assert source("rankpipe.params") == ROOT / "src" / "rankpipe" / "params.py"
    assert source("rankpipe.ctr") == ROOT / "src" / "rankpipe" / "ctr" / "__init__.py"
    assert source("rankpipe.params.load") is None
    assert source("numpy") is None
