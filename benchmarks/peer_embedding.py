"""SimCSE with SentenceTransformerTrainer, timed: ``peer_embedding.py SETTINGS.json``, settings as timed_embedding.py.

The trainer as its documentation has it: MultipleNegativesRankingLoss on rows of the same sentence twice. The clock, of
processor time, takes ``steps`` batches after ``warm`` others, its collator's tokenizing included; nothing is saved,
logged or judged.
Prints one JSON line: sentences, seconds.
"""

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer, SentenceTransformerTrainingArguments
from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss
from transformers import TrainerCallback


class Clock(TrainerCallback):
    """Notes when step ``warm`` was done, and the last one."""

    def __init__(self, warm: int):
        self.warm, self.began, self.ended = warm, 0.0, 0.0

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.ended = time.process_time()
        if state.global_step == self.warm:
            self.began = self.ended


def main(settings_file: str) -> None:
    settings = json.loads(Path(settings_file).read_text(encoding="utf-8"))
    torch.set_num_threads(1)
    torch.manual_seed(7)
    size, steps, warm = settings["batch_size"], settings["steps"], settings["warm"]
    texts = Path(settings["texts"]).read_text(encoding="utf-8").split("\n")[:(warm + steps) * size]
    model, clock = SentenceTransformer(settings["model"], device="cpu"), Clock(warm)
    with tempfile.TemporaryDirectory() as folder:
        arguments = SentenceTransformerTrainingArguments(
            folder, num_train_epochs=1, per_device_train_batch_size=size, learning_rate=5e-5, max_grad_norm=1.0,
            bf16=settings["precision"] == "bf16", use_cpu=True, save_strategy="no", logging_strategy="no",
            report_to="none", disable_tqdm=True)
        SentenceTransformerTrainer(
            model=model, args=arguments, train_dataset=Dataset.from_dict({"anchor": texts, "positive": texts}),
            loss=MultipleNegativesRankingLoss(model), callbacks=[clock]).train()
    print(json.dumps({"sentences": steps * size, "seconds": clock.ended - clock.began}))


if __name__ == "__main__":
    main(*sys.argv[1:])
