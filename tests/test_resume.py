import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from projects import outputs, project
from safetensors import SafetensorError
from test_training import Problem

from rankpipe import paths
from rankpipe.ctr.features import features
from rankpipe.ctr.train import train
from rankpipe.errors import InputError
from rankpipe.io import tensors
from rankpipe.io.tensors import load_tensors
from rankpipe.stage import is_disk_full
from rankpipe.training.checkpoint import SECONDS, SLOTS, Checkpoints, fingerprint

HERE = Path(__file__).parent
MODELS = {"deepfm": {"embedding_dim": 4, "hidden_dims": [16], "dropout": 0.2},
          "din": {"embedding_dim": 4, "dropout": 0.2}, "lightgbm": {"rounds": 5}}


class Dies(Checkpoints):
    """Dies after every so many checkpoints, as a process would."""

    lives = 3

    def save(self, *what) -> None:
        super().save(*what)
        self.lives -= 1
        if not self.lives:
            raise KeyboardInterrupt


def weights(problem: Problem) -> list[bytes]:
    return [p.detach().numpy().tobytes() for p in problem.model.parameters()]


@pytest.mark.parametrize("training", [
    {"schedule": "plateau", "patience": 3, "plateau_patience": 1, "lr": 0.01},
    {"accumulate": 3, "schedule": "cosine", "warmup_steps": 4, "average": 0.8},
    {"optimizer": "adamw", "weight_decay": 0.01, "evaluations_per_epoch": 3, "patience": 2},
    {"optimizer": "sgd", "lr": 0.1, "embedding_l2": 0.1, "net_l2": 0.01, "schedule": "linear"}])
def test_dying_again_and_again_changes_no_byte(tmp_path, monkeypatch, training):
    monkeypatch.setenv(SECONDS, "0")
    whole, digits = Problem(dropout=0.3), 1 if training.get("schedule") == "plateau" else 9  # few digits, few gains
    whole.digits = digits
    expected = whole.fit(epochs=9, **training)
    deaths = 0
    while True:
        problem = Problem(dropout=0.3)
        problem.digits = digits
        try:
            found = problem.fit(Dies(tmp_path, "mark"), epochs=9, **training)
            break
        except KeyboardInterrupt:
            deaths += 1
    assert deaths > 3
    if digits == 1:
        assert len(expected.curve) < 9 and expected.curve[-1]["lr"] < 0.01  # it was cut, and stopped early
    assert found.curve == expected.curve and weights(problem) == weights(whole)


def test_a_torn_checkpoint_falls_back_on_the_one_before(tmp_path):
    checkpoints = Checkpoints(tmp_path, "mark")
    for step in (1, 2):
        checkpoints.save({"x": torch.tensor([float(step)])}, {"step": step})
    newest = max((tmp_path / f"{s}.safetensors" for s in SLOTS), key=lambda p: load_tensors(p)["x"].item())
    assert Checkpoints(tmp_path, "mark").load()[1] == {"step": 2}
    newest.write_bytes(newest.read_bytes()[:30])
    found, state = Checkpoints(tmp_path, "mark").load()
    assert state == {"step": 1} and found["x"].tolist() == [1.0]


def test_another_fingerprint_starts_over(tmp_path):
    Checkpoints(tmp_path / "run", "mark").save({"x": torch.zeros(1)}, {"step": 1})
    assert Checkpoints(tmp_path / "run", "other").load() is None
    assert not (tmp_path / "run").exists()


def test_the_fingerprint_knows_parameters_data_and_code(tmp_path, monkeypatch):
    data = tmp_path / "train.h5"
    data.write_bytes(b"1")
    marks = {fingerprint({"lr": 1}, [data]), fingerprint({"lr": 2}, [data])}
    data.write_bytes(b"2")
    marks.add(fingerprint({"lr": 1}, [data]))
    changed = tmp_path / "changed.py"
    changed.write_text("# another line")
    monkeypatch.setattr(sys.modules["rankpipe.training.loop"], "__file__", str(changed))
    marks.add(fingerprint({"lr": 1}, [data]))
    assert len(marks) == 4
    with pytest.raises(InputError, match=r"gone\.h5: not found"):
        fingerprint({}, [tmp_path / "gone.h5"])


def test_a_disk_that_fills_up_is_told_apart(tmp_path, monkeypatch):
    def full(*_, **__):
        raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    monkeypatch.setattr(tensors, "save_file", full)
    with pytest.raises(OSError, match="No space left on device") as caught:
        Checkpoints(tmp_path, "mark").save({"x": torch.zeros(1)}, {})
    assert is_disk_full(caught.value) and list(tmp_path.iterdir()) == []


def test_a_bad_number_of_seconds_is_one_clear_line(tmp_path, monkeypatch):
    monkeypatch.setenv(SECONDS, "often")
    with pytest.raises(InputError, match="RANKPIPE_CHECKPOINT_SECONDS=often"):
        Checkpoints(tmp_path, "mark")


def test_kill_9_at_random_moments_ends_in_the_same_bytes(tmp_path, monkeypatch):
    training = {"epochs": 3, "batch_size": 16, "patience": 9}
    whole, killed = (project(tmp_path / name, MODELS, training) for name in ("whole", "killed"))
    monkeypatch.chdir(whole)
    train("toy", "din")
    done = subprocess.run([sys.executable, HERE / "killed.py", killed, "din", "4", "1"], text=True,
                          capture_output=True, env={**os.environ, SECONDS: "0"}, timeout=200)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 2
    assert outputs(killed) == outputs(whole)
    assert not [p for p in outputs(whole) if ".scratch" in p]


def test_two_processes_train_what_one_does(tmp_path, monkeypatch):
    rows = {"train": 601, "valid": 300, "test": 200}  # the last batch has an odd number of rows
    one, two = (project(tmp_path / name, {"deepfm": {**MODELS["deepfm"], "dropout": 0.0}}, rows=rows) for name in "12")
    monkeypatch.chdir(one)
    train("toy", "deepfm")
    (two / "train.py").write_text("from rankpipe.ctr.train import train; train('toy', 'deepfm')")
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "train.py"]
    done = subprocess.run(launch, cwd=two, capture_output=True, text=True, timeout=200,
                          env={**os.environ, "OMP_NUM_THREADS": "1", SECONDS: "0"})
    assert done.returncode == 0, done.stderr
    assert outputs(one).keys() == outputs(two).keys()
    found = [load_tensors(f / paths.model("toy", "ctr", "deepfm") / "model.safetensors") for f in (one, two)]
    assert found[0].keys() == found[1].keys()
    for name in found[0]:
        torch.testing.assert_close(found[0][name], found[1][name], rtol=1e-4, atol=1e-5)


def test_stage_by_stage_from_tables_to_scores(tmp_path, monkeypatch):
    monkeypatch.chdir(project(tmp_path, MODELS, features=False))
    features("toy")
    for model in MODELS:
        train("toy", model)
        train("toy", model)  # over its own outputs
    expected = {f"models/{m}/config.json" for m in MODELS} | {"models/lightgbm/model.txt"}
    expected |= {f"models/{m}/model.safetensors" for m in ("deepfm", "din")}
    expected |= {f"scores/{m}/{f}" for m in MODELS for f in ("valid.parquet", "test.parquet", "curve.csv")}
    assert {p.split("/", 3)[-1] for p in outputs(tmp_path)} == expected


def test_inputs_that_do_not_fit_are_one_clear_line_and_leave_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(project(tmp_path, MODELS, features=False))
    encoders = paths.features("toy", "ctr") / "encoders.json"
    with pytest.raises(InputError, match=r"encoders\.json: not found"):
        train("toy", "deepfm")
    features("toy")
    whole = encoders.read_text()
    encoders.write_text(whole[:99])
    with pytest.raises(InputError, match=r"encoders\.json"):
        train("toy", "deepfm")
    encoders.write_text(whole)
    table = paths.split("toy", "ctr", "train")
    table.write_bytes(table.read_bytes()[:999])
    with pytest.raises(InputError, match=r"train\.h5"):
        train("toy", "deepfm")
    table.unlink()
    for stage in (lambda: train("toy", "deepfm"), lambda: features("toy")):
        with pytest.raises(InputError, match=r"train\.h5: not found"):
            stage()
    assert outputs(tmp_path) == {}


@pytest.mark.parametrize("rows, message", [({"train": 50, "valid": 0, "test": 9}, "valid split is empty"),
                                           ({"train": 50, "valid": 1, "test": 9}, "all labels are")])
def test_splits_that_judge_nothing_are_refused(tmp_path, monkeypatch, rows, message):
    monkeypatch.chdir(project(tmp_path, MODELS, rows=rows))
    with pytest.raises(InputError, match=message):
        train("toy", "deepfm")
    assert outputs(tmp_path) == {}
