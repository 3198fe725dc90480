"""What a bundle's sample request asks: scores of known and new candidates for a query of everyday words."""

from typing import Any

import pandas as pd

from rankpipe.fusion.dataset import Dataset
from rankpipe.fusion.plain import PlainSource
from rankpipe.fusion.plainpredictor import PlainPredictor
from rankpipe.fusion.predictor import FusionPredictor

CANDIDATES = 4


def request(predictor: FusionPredictor, data: Dataset) -> tuple[dict[str, Any], str]:
    """The request with its scores, and where its rows come from: the text of the first query of train, the first
    candidates that were judged for it, and one more that nobody has.
    """
    codes, slates = data.of("train")
    first = slates.take([0])
    names, text = list(data.candidates.attributes), data.queries.texts[codes[0]]
    bound = {names[a]: data.candidates.attributes[names[a]][code]
             for a, code in enumerate(data.queries.constraints[codes[0]].tolist()) if code >= 0}
    rows: list[dict[str, Any]] = [{"query": text, "constraints": bound, "candidate": data.candidates.ids[code],
                                   "text": None} for code in first.candidates[:CANDIDATES].tolist()]
    rows.append({"query": text, "constraints": bound, "candidate": None, "text": text})
    scores = predictor(pd.DataFrame(rows))
    return {"rows": rows, "scores": [float(score) for score in scores]}, \
        "of the first query of train, with a candidate judged for it"


def plain_request(predictor: PlainPredictor, held: PlainSource) -> tuple[dict[str, Any], str]:
    """The same for features alone."""
    train = held.examples("train")
    rows = [dict(zip(train.names, map(float, values), strict=True))
            for values in train.features[:min(CANDIDATES, int(train.slates.lengths[0]))]]
    scores = predictor(pd.DataFrame(rows))
    return {"rows": rows, "scores": [float(score) for score in scores]}, "the features of a candidate in train"
