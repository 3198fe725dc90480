"""RecBole's own configuration, data and trainer over interactions that are there as arrays; runs in the peers'
environment. What isn't named here is RecBole's default."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from recbole.config import Config
from recbole.data import create_dataset, data_preparation
from recbole.data.dataloader import FullSortEvalDataLoader
from recbole.trainer import Trainer
from recbole.utils import get_model, init_seed

NAME = "interactions"
SPLITS = ("train", "valid", "test")


def write(folder: Path, splits: dict[str, tuple[np.ndarray, np.ndarray]], fields: dict[str, pd.DataFrame]) -> None:
    """Atomic files, RecBole's word for its tables.

    Args:
        splits: name → user and item codes.
        fields: ``user`` and ``item`` → a table with RecBole's typed heading, for models that read side fields.
    """
    (folder / NAME).mkdir(parents=True, exist_ok=True)
    for name in SPLITS:
        users, items = splits[name]
        pd.DataFrame({"user_id:token": users, "item_id:token": items}).to_csv(
            folder / NAME / f"{NAME}.{name}.inter", sep="\t", index=False)
    for side, table in fields.items():
        table.to_csv(folder / NAME / f"{NAME}.{side}", sep="\t", index=False)


class Task:
    """One model on what :func:`write` wrote."""

    def __init__(self, folder: Path, model: str, seed: int, changes: dict[str, Any], fields: dict[str, list[str]]):
        columns = {"inter": ["user_id", "item_id"], **fields}
        settings = {"data_path": str(folder), "benchmark_filename": list(SPLITS), "load_col": columns,
                    "train_neg_sample_args": {"distribution": "uniform", "sample_num": 1, "alpha": 1.0,
                                              "dynamic": False, "candidate_num": 0},
                    "eval_args": {"mode": "full", "order": "RO", "group_by": "user"}, "metrics": ["Recall"],
                    "topk": [10], "valid_metric": "Recall@10", "use_gpu": False, "show_progress": False, "seed": seed,
                    "checkpoint_dir": str(folder / "saved"), "reproducibility": True, **changes}  # fmt: skip
        # Config parses the command line; this process has words of its own there.
        import sys

        sys.argv = sys.argv[:1]
        self.config = Config(model=model, dataset=NAME, config_dict=settings)
        init_seed(seed, True)
        logging.getLogger().setLevel(logging.ERROR)
        self.dataset = create_dataset(self.config)
        self.train, self.valid, self.test = data_preparation(self.config, self.dataset)
        init_seed(seed, True)
        self.model = get_model(model)(self.config, self.train.dataset)
        self.trainer = Trainer(self.config, self.model)

    def codes(self, field: str) -> np.ndarray:
        """Our code of each of RecBole's; RecBole's 0 is its padding, here −1."""
        words = self.dataset.field2id_token[field]
        return np.array([-1 if word == "[PAD]" else int(word) for word in words])


def lists(task: Task, loader: FullSortEvalDataLoader, k: int, n_users: int) -> np.ndarray:
    """(n_users, k) item codes, best first, of each user of ``loader``; −1 for users that it doesn't have."""
    import torch

    users, items = task.codes("user_id"), task.codes("item_id")
    found = np.full((n_users, k), -1, np.int32)
    task.model.eval()
    with torch.no_grad():
        for batch in loader:
            _, scores, _, _ = task.trainer._full_sort_batch_eval(batch)
            best = torch.topk(scores, k, dim=1).indices.numpy()
            found[users[batch[0]["user_id"].numpy()]] = items[best]
    return found
