"""Parameter blocks of movielens_topk.py, ours and the peers', chosen on the valid split of ``topk_random``."""

from typing import Any

TRAINING: dict[str, Any] = {"epochs": 200, "batch_size": 200, "lr": 0.01, "schedule": "constant", "patience": 20,
                            "clip_norm": None, "average": 0.99}  # fmt: skip
MODELS: dict[str, dict[str, Any]] = {
    "pop": {},
    "itemknn": {},
    "ease": {"regularization": 300.0, "dropout": 0.2},
    "als": {"embedding_dim": 128, "epochs": 16, "unobserved": 0.5, "regularization": 0.01},
    "mf": {"embedding_dim": 128, "dropout": 0.8, "embedding_l2": 1e-5, "init_std": 0.01},
    "lmf": {"embedding_dim": 64, "dropout": 0.5, "embedding_l2": 1e-5, "init_std": 0.01},
    "fm": {"embedding_dim": 64, "dropout": 0.6, "embedding_l2": 2.5e-5, "init_std": 0.01, "user_weight": 0.3,
           "members": 4},
    "lfm": {"embedding_dim": 64, "dropout": 0.5, "embedding_l2": 1e-5, "init_std": 0.01},
    "deepfm": {"embedding_dim": 16, "negatives": 8, "hidden_dims": [64, 32], "dropout": 0.1, "embedding_l2": 1e-6,
               "batch_size": 1024, "lr": 0.003, "epochs": 10, "patience": 2, "average": 0.0},
    "cfm": {"embedding_dim": 8, "channels": 4, "loss": "bpr", "negatives": 1, "embedding_l2": 1e-6, "batch_size": 1024,
            "lr": 0.003, "epochs": 5, "patience": 2, "average": 0.0},
}  # fmt: skip

FIELDS = {"user": ["user_id", "age", "gender", "occupation"], "item": ["item_id", "release_year", "class"]}
PEERS: dict[str, dict[str, Any]] = {
    "implicit ALS, default but 32 factors": {"library": "implicit", "model": "als", "params": {"factors": 32}},
    "implicit ALS": {"library": "implicit", "model": "als",
                     "params": {"factors": 64, "regularization": 30.0, "alpha": 4.0}},
    "implicit BPR": {"library": "implicit", "model": "bpr",
                     "params": {"factors": 64, "learning_rate": 0.02, "regularization": 0.05, "iterations": 300}},
    "implicit LMF": {"library": "implicit", "model": "lmf",
                     "params": {"factors": 32, "learning_rate": 1.0, "regularization": 3.0, "iterations": 30}},
    "RecBole BPR": {"library": "recbole", "model": "BPR",
                    "params": {"embedding_size": 64, "epochs": 100, "stopping_step": 10}},
    "RecBole NeuMF": {"library": "recbole", "model": "NeuMF",
                      "params": {"mf_embedding_size": 64, "mlp_embedding_size": 64, "epochs": 50, "stopping_step": 5}},
    "RecBole FM, ids": {"library": "recbole", "model": "FM",
                        "params": {"embedding_size": 64, "epochs": 30, "stopping_step": 5}},
    "RecBole FM, fields": {"library": "recbole", "model": "FM", "fields": FIELDS,
                           "params": {"embedding_size": 64, "epochs": 30, "stopping_step": 5}},
}  # fmt: skip

# No luck is in the first three; the others train long, and far behind.
ONE_SEED = ("pop", "itemknn", "ease", "cfm", "RecBole NeuMF", "RecBole FM, ids", "RecBole FM, fields")
# RecBole stops by the given valid rows, which topk_mask lacks; those of ours stay behind als, mf and fm on valid.
RANDOM_ONLY = ("lmf", "lfm", "deepfm", "cfm", "RecBole BPR", "RecBole NeuMF", "RecBole FM, ids", "RecBole FM, fields")
