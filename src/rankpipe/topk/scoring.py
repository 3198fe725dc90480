"""A trained model as a function from users to the scores of all items, whatever its kind; saved and loaded."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from scipy.sparse import csr_matrix
from torch import nn

from rankpipe.errors import InputError
from rankpipe.io.json import read_json
from rankpipe.io.modelfolder import CONFIG, Config, read_config, write_config
from rankpipe.io.tensors import load_tensors, save_tensors
from rankpipe.params import block
from rankpipe.topk.folding import Folding
from rankpipe.topk.inputs import Inputs
from rankpipe.topk.models import model_class
from rankpipe.topk.models.sides import stored_fields
from rankpipe.topk.table import TRACK

WEIGHTS = "model.safetensors"
Fold = Callable[[csr_matrix, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Factors:
    """Scores as an inner product: ``users @ items.T + item_bias``."""

    users: np.ndarray
    """(U, d) float32."""
    items: np.ndarray
    """(I, d) float32."""
    item_bias: np.ndarray
    """(I,) float32."""


class Scorer(Protocol):
    """What :func:`load_model` gives."""

    n_users: int
    n_items: int
    factors: Factors | None
    """None where the scores are no inner product."""

    def block(self, users: np.ndarray) -> np.ndarray:
        """(B,) codes → (B, I) float32."""
        ...

    def fold_in(self, histories: csr_matrix) -> np.ndarray:
        """(B, I), what B new users took, → (B, I) float32.

        Raises:
            InputError: the model can't score users whom it wasn't trained on, or the items aren't its own.
        """
        ...


def factors_of(model: Any) -> Factors:
    """The two sides of a separable model."""
    with torch.no_grad():
        return Factors(*(x.detach().numpy(force=True) if isinstance(x, torch.Tensor) else x for x in model.factors()))


class FactorScorer:
    """An inner product.

    Args:
        new: (U, I) what is known of users whom the model wasn't trained on; their vectors are folded in.
        fold: (histories (B, I), items (I, d)) → (B, d) user vectors.
    """

    def __init__(self, factors: Factors, fold: Fold | None = None, new: csr_matrix | None = None):
        self.n_users, self.n_items, self.fold = len(factors.users), len(factors.items), fold
        if new is not None and len(added := np.flatnonzero(np.diff(new.indptr))):
            users = factors.users.copy()
            users[added] = fold(new[added], factors.items)
            factors = Factors(users, factors.items, factors.item_bias)
        self.factors = factors

    def block(self, users: np.ndarray) -> np.ndarray:
        f = self.factors
        return f.users[users] @ f.items.T + f.item_bias

    def fold_in(self, histories: csr_matrix) -> np.ndarray:
        vectors = self.fold(_own(histories, self.n_items), self.factors.items)
        return vectors @ self.factors.items.T + self.factors.item_bias


class HistoryScorer:
    """A model that scores a user by what the user took: everybody is new to it."""

    factors = None

    def __init__(self, model: Any, history: csr_matrix):
        self.model, self.history = model, history
        self.n_users, self.n_items = history.shape

    def block(self, users: np.ndarray) -> np.ndarray:
        return self.model.scores(self.history[users])

    def fold_in(self, histories: csr_matrix) -> np.ndarray:
        return self.model.scores(_own(histories, self.n_items))


class PairScorer:
    """A module that scores pairs, in evaluation mode, on a device."""

    factors = None

    def __init__(self, model: nn.Module, name: str, inputs: Inputs, device: str | torch.device = "cpu",
                 new: csr_matrix | None = None):
        self.name, self.n_users, self.n_items = name, inputs.n_users, inputs.n_items
        self.device = torch.device(device)
        if new is not None:
            self.fold_in(new)
        self.model = model.to(self.device).eval()

    @torch.inference_mode()
    def block(self, users: np.ndarray) -> np.ndarray:
        if not len(users):
            return np.zeros((0, self.n_items), np.float32)
        index = torch.from_numpy(np.asarray(users, np.int64)).to(self.device)
        return self.model.block(index).float().cpu().numpy()

    def fold_in(self, histories: csr_matrix) -> np.ndarray:
        raise InputError(f"{self.name} can't score users whom it wasn't trained on; take als, ease, itemknn, mf or "
                         "another inner product, or train it on them")


def save_model(folder: Path, name: str, params: Any, inputs: Inputs, state: dict[str, np.ndarray],
               about: dict[str, Any]) -> None:
    """Writes ``model.safetensors`` and ``config.json``, which holds its sha256.

    Args:
        state: name → array, as :func:`rankpipe.topk.fitting.fit_on` gives it.
        about: how it was trained, for the record; a refit goes by its ``epochs``.
    """
    save_tensors(folder / WEIGHTS, state)
    fields = {side: [[f.name, f.size] for f in given] for side, given in
              (("user_fields", inputs.user_fields), ("item_fields", inputs.item_fields))}
    shape = {"users": inputs.n_users, "items": inputs.n_items, **fields}
    write_config(folder, TRACK, Config(name, asdict(params), shape), about)


def epochs(folder: Path) -> int:
    """After how many epochs the saved model was at its best on valid.

    Raises:
        InputError: no readable configuration.
    """
    found = read_json(Path(folder) / CONFIG)
    if not isinstance(found, dict) or not isinstance(found.get("epochs"), int):
        raise InputError(f"{Path(folder) / CONFIG}: says nothing of epochs; train the model again")
    return found["epochs"]


def load_model(folder: Path, history: csr_matrix, device: str = "cpu") -> Scorer:
    """What :func:`save_model` wrote, as a scorer; nothing else is needed, fields are stored with the weights.

    Args:
        history: (U, I), what is known of each user. ease, itemknn and pop score by it; users whom the model wasn't
            trained on but who stand in it are folded in.
        device: ``cpu`` or ``cuda``, for models that score pairs.

    Raises:
        InputError: a file is missing, damaged, or doesn't fit ``history``; users to fold in where the model can't.
    """
    folder = Path(folder)
    found = read_config(folder, TRACK)
    shape = found.inputs.get("users"), found.inputs.get("items")
    if history.shape != shape:
        raise InputError(f"{folder / CONFIG}: trained on {shape[0]} users and {shape[1]} items, where the data hold "
                         f"{history.shape[0]} and {history.shape[1]}; train it again")
    params = block(model_class(found.model).Params, found.params, f"{folder / CONFIG}: params")
    state = {key: tensor.numpy() for key, tensor in load_tensors(folder / WEIGHTS).items()}
    sides = [stored_fields(found.inputs[f"{side}_fields"], rows, state[f"{side}s.offsets"], state[f"{side}s.values"])
             if f"{side}s.offsets" in state else () for side, rows in zip(("user", "item"), shape, strict=True)]
    return scorer(found.model, params, Inputs(*shape, *sides), state, history, device)


def scorer(name: str, params: Any, inputs: Inputs, state: dict[str, np.ndarray], history: csr_matrix,
           device: str | torch.device = "cpu") -> Scorer:
    """The scorer of a state; see :func:`load_model`."""
    model_type = model_class(name)
    untrained = ~state["trained"].astype(bool)
    new = history.multiply(untrained[:, None]).tocsr() if np.diff(history.indptr)[untrained].any() else None
    if model_type.neural and model_type.separable:
        return FactorScorer(Factors(state["users"], state["items"], state["item_bias"]), Folding(state["folding"]), new)
    model = model_type(inputs, params)
    weights = {key: value for key, value in state.items() if key != "trained"}
    if model_type.neural:
        model.load_state_dict({key: torch.from_numpy(value) for key, value in weights.items()})
        return PairScorer(model, name, inputs, device, new)
    model.restore(weights)
    if model_type.separable:
        return FactorScorer(factors_of(model), lambda histories, items: model.fold_in(histories), new)
    return HistoryScorer(model, history)


def _own(histories: csr_matrix, n_items: int) -> csr_matrix:
    if histories.shape[1] != n_items:
        raise InputError(f"histories of {histories.shape[1]} items don't fit a model of {n_items}")
    return histories
