"""The models that have no randomness and hence one run: TF-IDF, the base encoder as it is, its expanded vocabulary."""

from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import Any

from rankpipe import params as parameters
from rankpipe import paths
from rankpipe.cells import cell
from rankpipe.embedding.models import known
from rankpipe.embedding.scored import Scored
from rankpipe.embedding.scores import ALL
from rankpipe.embedding.table import TRACK, held_out_texts, pairs, texts
from rankpipe.errors import InputError
from rankpipe.training.determinism import deterministic
from rankpipe.training.devices import resolve
from rankpipe.training.settings import machine

NO_SEED = 0
"""In the column ``seed`` of their scores."""


def make(size: str, model: str, values: dict[str, Any], folder: Path, scored: Scored) -> None:
    """Writes ``model`` into ``folder``, and what it says of the pairs into ``scored``.

    Args:
        values: the whole of params.yaml.

    Raises:
        InputError: a missing or damaged input, a bad parameter, or a base that isn't there.
    """
    own = parameters.get(values, f"{TRACK}.models.{model}") or {}
    where = f"params.yaml: {TRACK}.models.{model}"
    if model == "tfidf":
        _tfidf(size, own, where, folder, scored)
        return
    from rankpipe.embedding import encoder as encoders

    used, held_out = machine(values), held_out_texts(size)
    deterministic(used.threads)
    if model == "base":
        from rankpipe.embedding.base import base

        parameters.only(own, (), where)
        encoder = base(parameters.get(values, f"{TRACK}.base"), texts(size), used.seed)
    else:
        from rankpipe.embedding.vocabulary import Expansion, expand

        params = parameters.block(Expansion, own, where)
        encoder, report = expand(encoders.load(start(size, model, params.start_from)), texts(size), held_out,
                                 params.size, params.min_count)
        scored.figures.update(match_rate=report.match_rate, vocabulary=asdict(report))
    encoders.save(encoder, folder)
    device = resolve(used.device)
    saved = encoders.load(folder).to(device)
    scored.figures.update(cutting(saved.tokenizer, held_out))
    scored.add_encoder(NO_SEED, saved, device)


def start(size: str, model: str, start_from: str, seed: int | None = None) -> Path:
    """The folder that ``model`` starts from: the only run of ``start_from``, or the one of ``seed``.

    Raises:
        InputError: not there, or no encoder.
    """
    where = f"params.yaml: {TRACK}.models.{model}.start_from"
    if known(start_from) in ("tfidf", model):
        raise InputError(f"{where}: {start_from} is no encoder that {model} can start from; name another link")
    place = paths.model(size, TRACK, start_from)
    for run in (ALL, str(seed)):
        if (place / run).is_dir():
            return place / run
    if seed is None and place.is_dir():
        raise InputError(f"{where}: {start_from} has a run a seed, where {model} has one; start from one without")
    raise InputError(f"{place / (ALL if seed is None else str(seed))}: not found, {where} names it; run dvc repro "
                     f"{cell(TRACK, size, start_from)}")


def cutting(tokenizer: Any, held_out: list[str]) -> dict[str, float]:
    """Into how many tokens a word of ``held_out`` goes, and the share of words that it can't spell."""
    from rankpipe.embedding.vocabulary.coverage import coverage

    found = coverage(tokenizer.backend_tokenizer, held_out, tokenizer.unk_token)
    return {"tokens_per_word": found.tokens_per_word, "tokens_per_sentence": found.tokens_per_sentence,
            "unknown_share": found.unknown_share}


def _tfidf(size: str, own: dict[str, Any], where: str, folder: Path, scored: Scored) -> None:
    from rankpipe.embedding.tfidf import Params, TfIdf

    train = pairs(size, "train")
    model = TfIdf.fit(chain(texts(size), train.first, train.second), parameters.block(Params, own, where))
    folder.mkdir(parents=True)
    model.save(folder)
    for split, of in scored.pairs.items():
        scored.add(NO_SEED, split, model.cosine(of.first, of.second))
