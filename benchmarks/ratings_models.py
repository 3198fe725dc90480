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
        "mf": {"embedding_dim": 16, "sweeps": 150, "patience": 30},
        "deepfm": {"embedding_dim": 16, "embedding_l2": 1e-4},
        "multitower": {"embedding_dim": 16, "embedding_l2": 1e-4},
    },
    "instruments": {
        **PLAIN,
        "mf": {"embedding_dim": 8, "sweeps": 60, "patience": 30},
        "deepfm": {"embedding_dim": 16, "hidden_dims": [64, 32], "dropout": 0.5, "embedding_l2": 1e-2, "net_l2": 3e-2,
                   "patience": 20},
        "multitower": {"embedding_dim": 16, "embedding_l2": 1e-2, "net_l2": 1e-2},
    },
}  # fmt: skip
SVD: dict[str, dict[str, Any]] = {
    "surprise SVD, default": {},
    "surprise SVD, tuned": {"n_factors": 50, "reg_all": 0.06, "n_epochs": 40},
}
