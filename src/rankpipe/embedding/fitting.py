"""Trains one run of a link: the part of training that knows no files, for the train stage and for benchmarks."""

from dataclasses import asdict, dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from rankpipe.cells import Curve
from rankpipe.embedding.batches import Augmentation, ColumnBatches
from rankpipe.embedding.encoder import Encoder
from rankpipe.embedding.links import Contrastive, Graded, Link
from rankpipe.embedding.models import link_class
from rankpipe.embedding.objective import objective
from rankpipe.embedding.scoring import cosines
from rankpipe.embedding.sentences import Sentences, tokenise
from rankpipe.embedding.table import TRACK, Pairs, Triplets
from rankpipe.errors import InputError
from rankpipe.metrics.similarity import Ranks, correlation
from rankpipe.training.checkpoint import Checkpoints
from rankpipe.training.determinism import deterministic, reseed
from rankpipe.training.devices import resolve
from rankpipe.training.loop import fit
from rankpipe.training.params import Training
from rankpipe.training.schedules import Stopping
from rankpipe.training.settings import Machine, machine, model_params

MONITOR = {"spearman": 1.0}
"""What training watches on valid where params.yaml names nothing."""
REPORTED = ("spearman", "pearson")
"""Metrics of the learning curve."""


@dataclass(frozen=True)
class Recipe:
    """Everything but the data and the seed of a run that decides a trained link."""

    model: str
    params: Any
    training: Training
    machine: Machine

    @classmethod
    def read(cls, values: dict[str, Any], model: str) -> "Recipe":
        """``embedding.models.<model>`` over ``embedding.training``, from the whole of params.yaml.

        Raises:
            InputError: an unknown model or a bad parameter.
        """
        kind = SimpleNamespace(neural=True, Params=link_class(model).Params)
        return cls(model, *model_params(values, TRACK, model, kind), machine(values))

    def parts(self) -> dict[str, Any]:
        """As plain values, for a fingerprint."""
        return {"model": self.model, "params": asdict(self.params), "training": asdict(self.training),
                **asdict(self.machine)}


@dataclass(frozen=True)
class Material:
    """What there is to train on, and to judge by."""

    texts: list[str]
    train: Pairs
    triplets: Triplets | None
    valid: Pairs


@dataclass(frozen=True)
class Fitted:
    encoder: Encoder
    curve: Curve
    """Its first row, of epoch 0, judges the start."""
    main: bool
    """False on the processes that write nothing."""


def fit_on(recipe: Recipe, encoder: Encoder, material: Material, seed: int, checkpoints: Checkpoints | None = None,
           name: str = "train") -> Fitted:
    """Trains the link of ``recipe`` on top of ``encoder``, which is used up.

    What valid prefers is kept, and the start is among what it may prefer: a link that only does harm changes nothing.

    Raises:
        InputError: nothing to train on, two views that are equal, a loss or a vector that is no number.
    """
    params, training = recipe.params, recipe.training
    deterministic(recipe.machine.threads)
    reseed(seed, 0)
    columns, labels = _columns(recipe, encoder, material)
    link = link_class(recipe.model)(encoder, params)
    if (unused := getattr(encoder.backbone, "pooler", None)) is not None:
        unused.requires_grad_(False)  # several processes would wait for its gradient

    def batches(rank: int, world: int) -> ColumnBatches:
        return ColumnBatches(columns, labels, training.batch_size, seed, _augmentation(params), rank, world)

    if isinstance(params, Contrastive):
        differ(link, batches(0, 1), recipe.model)
    kind = params.loss if isinstance(params, Graded) else "mnrl"
    margin = params.margin if isinstance(params, Graded) else 1.0
    evaluate, start = _Validation(recipe.model, link, material.valid), _trained(link)
    judged = Stopping(training.monitor or MONITOR, training.patience, 0.0)
    device = resolve(recipe.machine.device)
    before = evaluate(link.to(device), torch.device(device))
    result = fit(link, batches, objective(kind, params.temperature, margin), evaluate, training, monitor=MONITOR,
                 seed=seed, threads=recipe.machine.threads, device=device, checkpoints=checkpoints, name=name)
    found = [judged.value({k.removeprefix("valid_"): v for k, v in row.items()}) for row in result.curve]
    if max(found) < judged.value(before):
        link.load_state_dict({**link.state_dict(), **start})
    first = {"epoch": 0, "step": 0, **{f"valid_{k}": v for k, v in before.items()}}
    return Fitted(link.to("cpu").finished(), [first, *result.curve], result.main)


def differ(link: nn.Module, batches: ColumnBatches, name: str) -> None:
    """Raises InputError where the two views of every sentence of the first batch have equal vectors: a loss that tells
    a sentence from others has then nothing to bring together.
    """
    batch, _ = next(batches.epoch(0))
    was_training = link.training
    with torch.no_grad():
        reseed(batches.seed, 0)
        first, second = link.train()(batch)
    link.train(was_training)
    if torch.equal(first, second):
        raise InputError(f"{name}: two passes of the same batch give equal vectors, since the base has no dropout; "
                         f"switch it on ({TRACK}.models.{name}.dropout: 0.1), or set augmentation: crop there")


def _columns(recipe: Recipe, encoder: Encoder, material: Material) -> tuple[list[Sentences], np.ndarray | None]:
    """Tokenised sentences, column by column, and the rows' labels."""
    params, where = recipe.params, f"params.yaml: {TRACK}.models.{recipe.model}"

    def tokens(texts: list[str]) -> Sentences:
        return tokenise(encoder.tokenizer, texts, encoder.max_length)

    if isinstance(params, Contrastive):
        texts = material.texts
        if params.sentences is not None and params.sentences < len(texts):
            draw = np.random.Generator(np.random.Philox(np.random.SeedSequence([recipe.machine.seed, 0x7E])))
            texts = [texts[i] for i in np.sort(draw.permutation(len(texts))[:params.sentences]).tolist()]
        views = tokens(texts)
        return [views, views], None
    if params.on_triplets:
        if material.triplets is None:
            raise InputError(f"{where}: loss {params.loss} on triplets, but the source names none; name "
                             f"{TRACK}.source.triplets, or train on pairs")
        return [tokens(getattr(material.triplets, column)) for column in ("anchor", "positive", "negative")], None
    pairs = material.train
    # float32 scores: 4 of 5 must reach .8.
    rows = range(len(pairs)) if params.loss == "cosent" else np.flatnonzero(pairs.score >= params.positive - 1e-6)
    if len(rows) < 2:
        raise InputError(f"{where}.loss: {params.loss}: {len(rows)} pairs of train have a score of at least "
                         f"{params.positive}; lower positive, or take cosent")
    return [tokens([column[i] for i in rows]) for column in (pairs.first, pairs.second)], pairs.score[list(rows)]


def _augmentation(params: Link) -> Augmentation | None:
    if not isinstance(params, Contrastive):
        return None
    return Augmentation(params.augmentation, params.crop_low, params.crop_high)


def _trained(link: nn.Module) -> dict[str, Tensor]:
    return {name: p.detach().to("cpu", copy=True) for name, p in link.named_parameters() if p.requires_grad}


class _Validation:
    """Agreement of cosines with valid's scores. Every process does all of it: valid is small."""

    def __init__(self, name: str, link: nn.Module, valid: Pairs):
        self.name, self.link, self.valid = name, link, valid

    def __call__(self, model: nn.Module, device: torch.device) -> dict[str, float]:
        # The link itself, not as accelerate wraps it: what judges has the precision of what is saved.
        cosine = cosines(self.link.encoder, self.valid, device)[None].astype(np.float64)
        truth, once = self.valid.score[None].astype(np.float64), np.ones(cosine.shape)
        ranks = (Ranks(values[0])(once) for values in (cosine, truth))
        found = [float(correlation(*of, once)[0]) for of in (ranks, (cosine, truth))]
        if not np.isfinite(found).all():
            raise InputError(f"{self.name}: all pairs of valid have the same cosine, or the same score; give valid "
                             "other pairs, or lower lr")
        return dict(zip(REPORTED, found, strict=True))
