"""Parameter blocks of ratings.py, ours by data set and the peer's, chosen on valid."""

from typing import Any

PLAIN: dict[str, dict[str, Any]] = {
    "mean": {},
    "bias": {},
    "ridge": {},
    "lightgbm": {"num_leaves": 7, "feature_fraction": 0.3, "lambda_l2": 10.0},
}
MODELS: dict[str, dict[str, dict[str, Any]]] = {
    "films": {
        **PLAIN,
        "mf": {"embedding_dim": 16, "sweeps": 150},
        "deepfm": {"embedding_dim": 16, "ids": True, "embedding_l2": 1e-4},
        "multitower": {"ids": True, "embedding_l2": 1e-4},
    },
    "instruments": {
        **PLAIN,
        "mf": {"embedding_dim": 8, "sweeps": 60},
        "deepfm": {"embedding_dim": 16, "ids": True, "embedding_l2": 1e-4},
        "multitower": {"ids": True, "embedding_l2": 1e-4},
    },
}
SVD: dict[str, dict[str, Any]] = {
    "surprise SVD, default": {},
    "surprise SVD, tuned": {"n_factors": 50, "reg_all": 0.06, "n_epochs": 40},
}
