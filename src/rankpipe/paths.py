"""Every path of the pipeline, one function per artefact, relative to the repository root.

Outputs of extract, convert, features, train, predict and push lie under ``build/<size>/<track>/``; what is diffed
across commits lies in git under ``metrics/``, ``plots/`` and ``receipts/``.
"""

from pathlib import Path


def params() -> Path:
    return Path("params.yaml")


def raw(track: str) -> Path:
    return Path("data") / track


def build(size: str, track: str) -> Path:
    return Path("build") / size / track


def selection(size: str, track: str) -> Path:
    """Which raw rows belong to train, valid and test, and the split's diagnostics."""
    return build(size, track) / "selection"


def table(size: str, track: str) -> Path:
    """Folder of one H5 per split."""
    return build(size, track) / "table"


def split(size: str, track: str, name: str) -> Path:
    return table(size, track) / f"{name}.h5"


def features(size: str, track: str) -> Path:
    """Folder of fitted encoders."""
    return build(size, track) / "features"


def retrieved(size: str, track: str) -> Path:
    """What was found for each query in the whole catalogue."""
    return build(size, track) / "retrieved"


def models(size: str, track: str) -> Path:
    return build(size, track) / "models"


def model(size: str, track: str, name: str) -> Path:
    """Folder of one trained model: weights and their configuration."""
    return models(size, track) / name


def scores(size: str, track: str) -> Path:
    return build(size, track) / "scores"


def model_scores(size: str, track: str, name: str) -> Path:
    """Folder of one model's scores: valid.parquet, test.parquet, curve.csv."""
    return scores(size, track) / name


def leaderboard(size: str, track: str) -> Path:
    return build(size, track) / "leaderboard"


def predictions(size: str, track: str) -> Path:
    return build(size, track) / "predictions"


def bundle(size: str, track: str) -> Path:
    return build(size, track) / "bundle"


def metrics(size: str, track: str) -> Path:
    return Path("metrics") / size / track


def plots(size: str, track: str) -> Path:
    return Path("plots") / size / track


def receipt(size: str, track: str) -> Path:
    """What push sent where; in git, since a receipt restored from a cache would lie."""
    return Path("receipts") / size / f"{track}.json"


def scratch(stage: str) -> Path:
    """Where a stage keeps checkpoints: git-ignored, no DVC output, so that it outlives an interrupted run."""
    return Path(".scratch") / stage
