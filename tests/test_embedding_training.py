import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from embedding_chain import encoder, folder, outputs
from embedding_data import small

from rankpipe import paths
from rankpipe.cells import read_curve
from rankpipe.embedding import fitting
from rankpipe.embedding import train as trained
from rankpipe.embedding.fitting import Material, Recipe, fit_on
from rankpipe.embedding.train import train
from rankpipe.errors import InputError
from rankpipe.io.json import read_json
from rankpipe.io.tensors import load_tensors
from rankpipe.training.checkpoint import SECONDS, Checkpoints

HERE = Path(__file__).parent
CHAIN = {"simcse": {"train": "new_rows"}, "bottleneck": {"start_from": "simcse", "adapter_dim": 4},
         "hierarchical": {"start_from": "bottleneck", "adapter_dim": 4}, "supervised": {"start_from": "simcse"}}
SMALL = small()


def recipe(model: str, own: dict, **training) -> Recipe:
    block = {"models": {model: {"start_from": "base", **own}},
             "training": {"epochs": 1, "batch_size": 8, "optimizer": "adamw", "lr": 0.001, **training}}
    return Recipe.read({"seed": 7, "threads": 1, "device": "cpu", "embedding": block}, model)


def material(**changed) -> Material:
    return Material(**{"texts": SMALL.texts, "train": SMALL.pairs["train"], "triplets": SMALL.triplets,
                       "valid": SMALL.pairs["train"], **changed})


def weights(run: str) -> dict[str, torch.Tensor]:
    model, _, seed = run.partition("/")
    return load_tensors(paths.model("toy", "embedding", model) / seed / "model.safetensors")


@pytest.fixture(scope="module")
def chain(tmp_path_factory) -> Path:
    """All trained links, nobody disturbed."""
    place = tmp_path_factory.mktemp("chain")
    before = Path.cwd()
    os.chdir(place)
    folder(place, CHAIN)
    for model in CHAIN:
        train("toy", model)
    os.chdir(before)
    return place


def test_each_run_starts_from_the_run_of_its_seed_and_leaves_what_the_contract_says(chain, monkeypatch):
    monkeypatch.chdir(chain)
    for model in CHAIN:
        place = paths.model_scores("toy", "embedding", model)
        assert sorted(p.name for p in place.iterdir()) == ["curve-7.csv", "curve-8.csv", "figures.json", "test.parquet",
                                                           "valid.parquet"]
        table = pq.read_table(place / "test.parquet")
        assert table.column_names == ["pair", "seed", "label", "score"]
        assert table.column("seed").to_pylist() == [7] * 12 + [8] * 12
        np.testing.assert_array_equal(table.column("label").to_numpy()[:12], SMALL.pairs["test"].score)
        found = read_json(place / "figures.json")
        assert set(found["uniformity"]["valid"]) == {"7", "8"} and found["tokens_per_word"] > 1
        assert [row["epoch"] for row in read_curve("embedding", "toy", model, "curve-8.csv")] == [0, 1, 2]
        assert not list((chain / ".scratch").iterdir())
    layers = read_json(paths.model_scores("toy", "embedding", "hierarchical") / "figures.json")["adapters"]["7"]
    assert len(layers) == 4  # two layers, language and task
    for seed in "78":  # frozen: the base under the bottleneck, and the language adapter under the task's
        under, over = weights(f"simcse/{seed}"), weights(f"bottleneck/{seed}")
        body = {k.replace(".layer.attention", ".attention"): v for k, v in over.items()}
        assert sum(any(torch.equal(v, w) for w in body.values()) for v in under.values()) == len(under)
        lower, upper = weights(f"bottleneck/{seed}"), weights(f"hierarchical/{seed}")
        assert all(torch.equal(value, upper[name]) for name, value in lower.items())
        assert len(upper) == len(lower) + 4 and all("task" in name for name in set(upper) - set(lower))


def test_new_rows_alone_move_whatever_decay_and_momentum_would_do():
    data, model = small(), encoder(SMALL.texts)
    model.first_new = len(model.tokenizer) - 40
    before = {k: v.clone() for k, v in model.state_dict().items()}
    chosen = recipe("simcse", {"train": "new_rows"}, weight_decay=0.5, epochs=2)
    after = fit_on(chosen, model, material(texts=data.texts), 7).encoder.state_dict()
    assert before.keys() == after.keys()
    table = "backbone.embeddings.word_embeddings.weight"
    assert all(torch.equal(value, after[name]) for name, value in before.items() if name != table)
    assert torch.equal(before[table][:-40], after[table][:-40]) and not torch.equal(before[table], after[table])


@pytest.mark.parametrize("model, own", [
    ("supervised", {"loss": "cosent"}), ("supervised", {"loss": "mnrl", "positive": 0.6}),
    ("supervised", {"loss": "symmetric", "positive": 0.6}), ("supervised", {"loss": "triplet", "margin": 0.5}),
    ("supervised", {"loss": "mnrl", "data": "triplets"}), ("hierarchical", {"adapter_dim": 8}),
    ("simcse", {"augmentation": "crop", "crop_low": 0.3})])
def test_every_loss_has_something_to_learn(model, own):
    curve = fit_on(recipe(model, own, epochs=8, lr=0.003), encoder(SMALL.texts), material(), 7).curve
    assert curve[-1]["train_loss"] < curve[1]["train_loss"]
    if own.get("loss") == "cosent":
        assert max(row["valid_spearman"] for row in curve) > curve[0]["valid_spearman"] + 0.1


def test_gradient_caching_changes_no_more_than_rounding():
    found = [fit_on(recipe("simcse", {"cache_gradients": cached, "chunk_tokens": 40}, epochs=2),
                    encoder(SMALL.texts, dropout=0.3), material(), 7) for cached in (False, True)]
    assert [row["train_loss"] for row in found[0].curve[1:]] == pytest.approx(
        [row["train_loss"] for row in found[1].curve[1:]], rel=1e-5)
    for one, other in zip(*(run.encoder.parameters() for run in found), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_a_base_without_dropout_is_told_what_to_do():
    chosen = recipe("simcse", {})
    with pytest.raises(InputError, match=r"equal vectors.*simcse\.dropout: 0\.1.*augmentation: crop"):
        fit_on(chosen, encoder(SMALL.texts, dropout=0.0), material(), 7)
    for own in ({"dropout": 0.1}, {"augmentation": "crop", "crop_low": 0.3}):
        fit_on(recipe("simcse", own), encoder(SMALL.texts, dropout=0.0), material(), 7)


def test_a_run_that_only_does_harm_leaves_its_start(monkeypatch):
    plain = fitting.objective
    monkeypatch.setattr(fitting, "objective", lambda *a: lambda v, b: -plain(*a)(v, b))  # the worse the better
    made = encoder(SMALL.texts)
    before = {k: v.clone() for k, v in made.state_dict().items()}
    found = fit_on(recipe("supervised", {}, lr=0.01), made, material(), 7)
    assert found.curve[1]["valid_spearman"] < found.curve[0]["valid_spearman"]
    assert all(torch.equal(value, before[name]) for name, value in found.encoder.state_dict().items())


class Dies(Checkpoints):
    """Dies after so many checkpoints, as a process would."""

    lives = 3

    def save(self, *what) -> None:
        super().save(*what)
        self.lives -= 1
        if not self.lives:
            raise KeyboardInterrupt


@pytest.mark.parametrize("model", ["simcse", "supervised"])
def test_dying_again_and_again_changes_no_byte(chain, tmp_path, monkeypatch, model):
    monkeypatch.setenv(SECONDS, "0")
    monkeypatch.setattr(trained, "Checkpoints", Dies)
    monkeypatch.chdir(tmp_path)
    folder(tmp_path, CHAIN)
    if model != "simcse":
        source = paths.model("toy", "embedding", "simcse")
        source.parent.mkdir(exist_ok=True)
        source.symlink_to(chain / source)
    deaths = 0
    while True:
        try:
            train("toy", model)
            break
        except KeyboardInterrupt:
            deaths += 1
            assert not (paths.model("toy", "embedding", model) / "7").exists()
    assert deaths > 3
    mine, theirs = ({k: v for k, v in outputs(place).items() if f"/{model}/" in k} for place in (tmp_path, chain))
    assert mine == theirs and len(mine) > 10


def test_kill_9_at_random_moments_ends_in_the_same_bytes(chain, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder(tmp_path, CHAIN)
    done = subprocess.run([sys.executable, HERE / "killed.py", tmp_path, "simcse", "3", "1", "embedding"], text=True,
                          capture_output=True, env={**os.environ, SECONDS: "0"}, timeout=200)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 2
    mine, theirs = ({k: v for k, v in outputs(place).items() if "/simcse/" in k} for place in (tmp_path, chain))
    assert mine == theirs


def test_two_processes_train_what_one_does(tmp_path, monkeypatch):
    one, two = tmp_path / "1", tmp_path / "2"
    # Batches of an odd number of rows, no dropout: its draws belong to a process.
    own = {"simcse": {"augmentation": "crop", "crop_low": 0.3}, "supervised": {}}
    for place in (one, two):
        place.mkdir()
        monkeypatch.chdir(place)
        folder(place, own, {"batch_size": 7}, dropout=0.0, seeds=(7,))
    monkeypatch.chdir(one)
    for model in own:
        train("toy", model)
    (two / "train.py").write_text("from rankpipe.embedding.train import train\n"
                                  "for model in ('simcse', 'supervised'): train('toy', model)")
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "train.py"]
    done = subprocess.run(launch, cwd=two, capture_output=True, text=True, timeout=200,
                          env={**os.environ, "OMP_NUM_THREADS": "1", SECONDS: "0"})
    assert done.returncode == 0, done.stderr
    assert outputs(one).keys() == outputs(two).keys()
    for model in own:
        found = []
        for place in (one, two):
            monkeypatch.chdir(place)
            found.append((weights(f"{model}/7"), read_curve("embedding", "toy", model, "curve-7.csv")))
        (alone, curve), (shared, other) = found
        assert [row["train_loss"] for row in curve[1:]] == pytest.approx([r["train_loss"] for r in other[1:]], rel=1e-4)
        for name in alone:
            torch.testing.assert_close(alone[name], shared[name], rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("changed, message", [
    ({"start_from": "tfidf"}, r"simcse\.start_from: tfidf is no encoder"),
    ({"start_from": "simcse"}, r"simcse\.start_from: simcse is no encoder"),
    ({"start_from": "base"}, r"models/base/7: not found.*dvc repro train-embedding@toy-base"),
    ({"start_from": "bottleneck"}, r"dvc repro bottleneck-embedding@toy"),
    ({"start_from": "vocab"}, r"no such model; did you mean 'vocabulary'"),
    ({"temprature": 1}, r"simcse\.temprature: unknown parameter; did you mean 'temperature'"),
    ({"crop_low": 0.9, "crop_high": 0.5}, r"crop_low 0\.9 is above crop_high 0\.5")])
def test_bad_parameters_are_one_clear_line_and_leave_nothing(tmp_path, monkeypatch, changed, message):
    monkeypatch.chdir(tmp_path)
    folder(tmp_path, {"simcse": changed})
    with pytest.raises(InputError, match=message) as caught:
        train("toy", "simcse")
    assert "\n" not in str(caught.value)
    assert not paths.model("toy", "embedding", "simcse").exists()


@pytest.mark.parametrize("seeds", [[], [7, 7], [-1], ["7"], 7, [True]])
def test_seeds_are_different_whole_numbers(seeds):
    with pytest.raises(InputError, match=r"embedding\.seeds: expected different whole numbers"):
        trained.seeds({"embedding": {"seeds": seeds}})


def test_what_a_loss_needs_and_lacks_is_said():
    made = encoder(SMALL.texts)
    with pytest.raises(InputError, match="loss triplet on triplets, but the source names none"):
        fit_on(recipe("supervised", {"loss": "triplet"}), made, material(triplets=None), 7)
    with pytest.raises(InputError, match=r"mnrl: \d pairs of train have a score of at least 1.0; lower positive"):
        same = SMALL.pairs["train"].score.clip(0, 0.9)
        pairs = type(SMALL.pairs["train"])(SMALL.pairs["train"].first, SMALL.pairs["train"].second, same, [])
        fit_on(recipe("supervised", {"loss": "mnrl", "positive": 1.0}), made, material(train=pairs), 7)
    with pytest.raises(InputError, match="loss: cosent can't learn from triplets"):
        recipe("supervised", {"loss": "cosent", "data": "triplets"})
    with pytest.raises(InputError, match=r"at least 2 rows"):
        fit_on(recipe("simcse", {}), made, material(texts=SMALL.texts[:1]), 7)
