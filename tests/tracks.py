"""What the tests of the whole pipeline know of each track: a pipeline of seconds, and the cells they disturb."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Track:
    """One track."""

    models: tuple[str, ...]
    """Those that the small pipeline trains."""
    neural: str
    """One of them that trains by gradient steps, and that experiments train otherwise."""
    knob: str
    """A number of its block, and another value for it, as ``dvc exp run -S`` takes it."""
    plots: tuple[str, ...]
    """Folders of one CSV a model, for ``dvc plots``."""
    small: Callable[[dict[str, Any]], None]
    """Makes the track's block of params.yaml small."""
    combined: bool = False
    """All models are combined by a stage of their own."""
    prepared: tuple[str, ...] = ("features",)
    """Verbs between convert and train, in turn."""
    kept: tuple[str, ...] = ()
    """Models that are judged and never shipped."""
    table: str | tuple[str, ...] = "train."
    """How the files of convert begin that the first of these, or the first model, reads whole."""

    def downstream(self, name: str) -> set[str]:
        """Stages that run again when a model changed."""
        verbs = ("ensemble",) if self.combined else ()
        return {f"{verb}-{name}@toy" for verb in (*verbs, "evaluate", "predict", "push")}


def _ctr(block: dict[str, Any]) -> None:
    block["extract"]["sizes"]["toy"]["rows"] = 2000
    block["features"]["max_len"]["toy"] = 20
    block["models"]["lightgbm"]["rounds"] = 20


def _embedding(block: dict[str, Any]) -> None:
    block["extract"].update(held_out=100)
    block["extract"]["sizes"]["toy"].update(sentences=300, pairs=128, triplets=32)
    block["training"].update(batch_size=64)
    block["seeds"] = [7, 8]


def _topk(block: dict[str, Any]) -> None:
    block["extract"]["sizes"]["toy"]["users"] = 300


def _rating(block: dict[str, Any]) -> None:
    block["extract"]["sizes"]["toy"]["rows"] = 1500
    block["features"]["text"]["terms"] = 20


def _fusion(block: dict[str, Any]) -> None:
    block["extract"]["sizes"]["toy"]["queries"] = 100
    block["models"]["fusion"].update(dim=32, heads=4, head_dims=[16])
    block["models"]["lambdamart"]["rounds"] = 20


TRACKS = {
    "ctr": Track(("lr", "deepfm", "feseq", "lightgbm"), "deepfm", "lr=5e-3", ("roc", "pr", "calibration", "curve"),
                 _ctr),
    "embedding": Track(("tfidf", "base", "vocabulary", "simcse", "bottleneck", "hierarchical", "supervised"),
                       "supervised", "lr=0.004", ("curve",), _embedding, prepared=(), kept=("tfidf",),
                       table=("corpus.", "valid.", "test.")),
    "fusion": Track(("bm25", "lambdamart", "ltr", "fusion"), "ltr", "dropout=0.25", ("curve",), _fusion,
                    prepared=("encode", "retrieve"), table=""),
    "rating": Track(("bias", "mf", "ridge", "deepfm"), "deepfm", "dropout=0.25", ("curve",), _rating, combined=True),
    "topk": Track(("pop", "ease", "mf", "fm"), "mf", "dropout=0.25", ("curve",), _topk),
}


def small(values: dict[str, Any]) -> None:
    """Parameters of a pipeline that takes seconds: few rows, few models, few epochs, few resamples."""
    for name, track in TRACKS.items():
        block = values[name]
        block["training"].update(epochs=2, batch_size=256)
        block["models"] = {model: block["models"][model] or {} for model in track.models}
        for own in block["models"].values():
            for key in ("epochs", "batch_size"):
                own.pop(key, None)
        block["evaluate"]["resamples"] = 100
        block["push"]["gate"] = None  # models this small need not beat their baseline
        track.small(block)
