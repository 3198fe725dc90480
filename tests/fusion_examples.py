"""Planted slates as examples for models: one-hot vectors of what each modality shows, and what the query wants."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from fusion_data import planted

from rankpipe.fusion.examples import Source
from rankpipe.fusion.fitting import Fitted, Recipe, fit_on
from rankpipe.fusion.models import model_class
from rankpipe.training.params import Training
from rankpipe.training.settings import Machine

_SMALL = {"dim": 32, "heads": 4, "head_dims": (16,)}
QUICK = {"lambdamart": {"rounds": 40, "min_data_in_leaf": 5}, "fusion": _SMALL, "control": _SMALL,
         "ltr": {"members": 2, "hidden_dims": (16,), "dropout": 0.1}}
TRAINING = Training(epochs=12, batch_size=8, optimizer="adamw", lr=5e-3, schedule="cosine", patience=12)


@dataclass(frozen=True)
class OneHot:
    """What ``rankpipe.fusion.vectors`` reads, made from the truth."""

    image: np.ndarray
    image_present: np.ndarray
    text: np.ndarray
    text_present: np.ndarray
    attributes: np.ndarray
    attributes_present: np.ndarray
    query: np.ndarray
    query_image: np.ndarray


def source(n_queries: int = 60, gaps: float = 0.1, seed: int = 0) -> Source:
    """Colour stands in the image alone, material in the text, size in the attributes; queries say colour and material
    and require the size."""
    made, eye = planted(n_queries, seed=seed, gaps=gaps), np.eye(4, dtype=np.float32)
    held, wanted, blank = made.data.candidates, made.wanted, np.zeros((len(made.data.candidates), 4), np.float32)
    held = replace(held, codes=np.where(held.codes[:, [1]] < 0, -1, held.codes).astype(np.int32))  # none or all
    image, text = (np.array([there is not None for there in of]) for of in (held.images, held.texts))
    attributes = held.codes >= 0
    hot = [np.where(attributes[:, [i]], np.eye(n, dtype=np.float32)[held.codes[:, i]], 0) for i, n in ((0, 3), (1, 4))]
    vectors = OneHot(eye[made.truth[:, 0]], image, np.concatenate([blank, eye[made.truth[:, 1]]], 1), text,
                     np.concatenate(hot, 1).astype(np.float32), attributes.any(1),
                     np.concatenate([eye[wanted[:, 0]], eye[wanted[:, 1]]], 1), eye[wanted[:, 0]])
    return Source.of(replace(made.data, candidates=held), vectors)


def recipe(name: str, seed: int = 3, training: Training = TRAINING, **options) -> Recipe:
    return Recipe(name, model_class(name).Params(**{**QUICK.get(name, {}), **options}), training,
                  Machine(seed, 1, "cpu"))


def fitted(name: str, of: Source, seed: int = 3, **options) -> Fitted:
    torch.set_num_threads(1)
    return fit_on(recipe(name, seed, **options), of.examples("train"), of.examples("valid"), quiet=True)
