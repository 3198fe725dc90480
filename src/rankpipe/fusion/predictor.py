"""The track's side of a bundle: candidates of a query, best first, whether the catalogue holds them or not."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rankpipe.errors import InputError, nearest
from rankpipe.fusion import encoders
from rankpipe.fusion.catalogue import FILE, load_catalogue
from rankpipe.fusion.plainpredictor import PlainPredictor
from rankpipe.fusion.scoring import load_model
from rankpipe.fusion.serving import Asked, New, Ranker
from rankpipe.hub.bundle import FEATURES
from rankpipe.metrics.slates import best_first

QUERY, CANDIDATE = ("text", "constraints"), ("candidate_id", "text", "image", "attributes", "popularity")
"""Keys of a query and of a new candidate, as in queries.jsonl and candidates.jsonl."""


class FusionPredictor:
    """A model with its catalogue.

    :meth:`__call__` scores the rows of a frame, (N,) float32. Its columns: ``query`` and, if wanted, ``constraints``
    (a map, or a map as JSON); ``candidate``, an id of the catalogue, or for a new one any of ``text``, ``image`` (a
    path) and ``attributes`` (a map, or JSON). Rows of one query with the same constraints are ranked together, so their
    scores compare with each other and with no others.
    """

    id: str | None = None
    text_columns = ("query", "constraints", "candidate", "text", "image", "attributes")

    def __init__(self, ranker: Ranker):
        self.ranker = ranker

    def rank(self, query: str | Mapping[str, Any],
             candidates: Sequence[str | Mapping[str, Any]] | None = None) -> pd.DataFrame:
        """The candidates of one query, best first; equal scores in the catalogue's order.

        Args:
            query: its text, or ``{"text": …, "constraints": {attribute: value}}``.
            candidates: ids of the catalogue, or new ones as ``{"candidate_id", "text", "image", "attributes",
                "popularity"}``, any of them but one of text, image and attributes at least; an image is a path. None:
                the whole catalogue.

        Returns:
            A frame of ``place`` from 1, ``candidate`` (the position in ``candidates`` of a new one without an id) and
            ``score``.

        Raises:
            InputError: an unknown id, key or attribute, a damaged image, no candidate, the same one twice.
        """
        chosen = self.ranker.candidates.ids if candidates is None else [
            _candidate(one, i) for i, one in enumerate(candidates)]
        names = [one.id if isinstance(one, New) else one for one in chosen]
        if not names or len(set(names)) < len(names):
            raise InputError("rank wants at least one candidate, and none of them twice")
        [scores] = self.ranker.scores([_query(query)], [chosen])
        codes = np.array([self.ranker.codes.get(name, len(self.ranker.codes) + i) for i, name in enumerate(names)])
        order = best_first(np.array([0, len(names)]), scores, codes)
        return pd.DataFrame({"place": np.arange(1, len(names) + 1), "candidate": [names[i] for i in order],
                             "score": scores[order]})

    def __call__(self, frame: pd.DataFrame) -> np.ndarray:
        """See the class; raises InputError for a column that is missing or doubled, and for a value that can't be
        read, with its row.
        """
        columns = _columns(frame, self.text_columns)
        if "query" not in columns or not set(columns) & {"candidate", "text", "image", "attributes"}:
            missing = "query" if "query" not in columns else "candidate"
            raise InputError(f"the frame has no column '{missing}'; {nearest(missing, list(frame.columns))}")
        rows = [{name: columns[name][i] for name in columns} for i in range(len(frame))]
        slates: dict[tuple[str, str], list[int]] = {}
        for i, row in enumerate(rows):
            text, bound = _word(row["query"]), _map(row.get("constraints"), f"row {i}: constraints")
            slates.setdefault((text, json.dumps(bound, sort_keys=True)), []).append(i)
        asked = [_query({"text": text, "constraints": json.loads(bound)}) for text, bound in slates]
        chosen = [[_of_row(rows[i], i) for i in members] for members in slates.values()]
        found = np.zeros(len(frame), np.float32)
        for members, scores in zip(slates.values(), self.ranker.scores(asked, chosen) if asked else [], strict=True):
            found[members] = scores
        return found


def _query(query: str | Mapping[str, Any]) -> Asked:
    if isinstance(query, str):
        query = {"text": query}
    if not isinstance(query, Mapping) or not isinstance(query.get("text"), str) or not query["text"].strip():
        raise InputError(f"query: expected text, or a map with the key 'text', got {query!r:.80}")
    _known(query, QUERY, "query")
    return Asked(query["text"], _map(query.get("constraints"), "query: constraints"))


def _candidate(one: Any, position: int) -> str | New:
    if not isinstance(one, Mapping):
        return _word(one)
    where = f"candidate {position} (the first is 0)"
    _known(one, CANDIDATE, where)
    text, image, popularity = (one.get(key) for key in ("text", "image", "popularity"))
    pairs = _map(one.get("attributes"), f"{where}: attributes")
    if not text and not image and not pairs:
        raise InputError(f"{where}: has neither text, image nor attributes; there is nothing to rank it by")
    return New(_word(one.get("candidate_id", position)), text or None, None if not image else Path(image), pairs,
               None if popularity is None else float(popularity))


def _of_row(row: Mapping[str, Any], i: int) -> str | New:
    if not _missing(row.get("candidate")):
        return _word(row["candidate"])
    return _candidate({"candidate_id": i, **{key: row[key] for key in ("text", "image", "attributes")
                                             if not _missing(row.get(key))}}, i)


def _columns(frame: pd.DataFrame, known: Iterable[str]) -> dict[str, list[Any]]:
    names = list(frame.columns)
    for name in known:
        if names.count(name) > 1:
            raise InputError(f"the frame has {names.count(name)} columns '{name}'; keep one")
    return {name: frame[name].tolist() for name in known if name in names}


def _known(found: Mapping[str, Any], keys: Sequence[str], where: str) -> None:
    for key in found:
        if key not in keys:
            raise InputError(f"{where}: unknown key '{key}'; {nearest(str(key), keys)}")


def _map(value: Any, where: str) -> dict[str, str]:
    """Attribute → value as text; from a map, its JSON, or nothing."""
    if _missing(value):
        return {}
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except json.JSONDecodeError as error:
            raise InputError(f"{where}: {value!r:.60} is no JSON ({error.msg}); write {{\"name\": \"value\"}}"
                             ) from error
    if not isinstance(value, Mapping):
        raise InputError(f"{where}: expected a map from names to values, got {value!r:.60}")
    return {str(name): _word(word) for name, word in value.items() if not _missing(word)}


def _missing(value: Any) -> bool:
    return value is None or value == "" or (isinstance(value, float) and np.isnan(value)) or value is pd.NA


def _word(value: Any) -> str:
    """As the raw files spell it: whole numbers that a frame has turned into floats are whole numbers again."""
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, float | np.floating) and float(value).is_integer():
        value = int(value)
    return str(value)


def load(bundle: Path) -> FusionPredictor | PlainPredictor:
    """The ranking function of a bundle folder, see :mod:`rankpipe.hub.bundle`; of features, if there's no catalogue.

    Raises:
        InputError: a file is missing or damaged.
    """
    if not (Path(bundle) / FILE).is_file():
        return PlainPredictor(load_model(bundle))
    candidates, vectors, bm25 = load_catalogue(Path(bundle))
    return FusionPredictor(Ranker(load_model(bundle), candidates, vectors, bm25,
                                  encoders.load(Path(bundle) / FEATURES)))
