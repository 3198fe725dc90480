"""What a bundle's sample request asks: how similar a few sentences are that stand in no data."""

from typing import Any

import pandas as pd

from rankpipe.embedding.predictor import COLUMNS, PairScorer

PAIRS = (("고양이 한 마리가 창가에서 낮잠을 잔다.", "창가에서 고양이가 잠들어 있다."),
         ("고양이 한 마리가 창가에서 낮잠을 잔다.", "시장에서 상인이 사과를 팔고 있다."))
ORIGIN = "two sentences written for this card, from no data"


def request(scorer: PairScorer) -> dict[str, Any]:
    """The rows, and the cosines that they must get."""
    rows = [dict(zip(COLUMNS, pair, strict=True)) for pair in PAIRS]
    return {"rows": rows, "scores": [float(score) for score in scorer(pd.DataFrame(rows))]}
