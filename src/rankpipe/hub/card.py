"""The model card: README.md of a bundle, with front matter that the hub accepts."""

from dataclasses import dataclass, field
from typing import Any

SHOWN = 8
"""Columns of the sample request shown from each end."""


@dataclass(frozen=True)
class Figure:
    """One metric with its bootstrap interval."""

    value: float
    low: float | None = None
    high: float | None = None

    def __str__(self) -> str:
        # The same number of digits everywhere, so that a column can be read downwards.
        if self.low is None or self.high is None:
            return f"{self.value:.4f}"
        return f"{self.value:.4f} [{self.low:.4f}, {self.high:.4f}]"


@dataclass(frozen=True)
class Card:
    """What a card tells. Texts of the track are passed in: this module knows none."""

    title: str
    model: str
    summary: str
    """What goes in and what comes out, a sentence or two."""
    use: str
    limits: tuple[str, ...]
    figures: dict[str, dict[str, Figure]]
    """Model id → metric → figure on the test split; this model and the baselines that it must answer to."""
    notes: tuple[str, ...]
    """What was judged and how."""
    data: dict[str, str]
    """Raw file or folder → hash."""
    request: dict[str, Any]
    """The sample request: ``rows``, and their ``scores``, or ``answers`` where a row has many."""
    origin: str = "put together from the most frequent values, it is nobody's"
    """Where the rows of the sample request come from."""
    task: str = "tabular-classification"
    tags: tuple[str, ...] = ()
    license: str | None = None
    names: dict[str, str] = field(default_factory=dict)
    """Metric → the hub's name for it, where it has one."""


def render(card: Card) -> str:
    """The card as Markdown, front matter first; the same bytes for the same card."""
    metrics = list(card.figures[card.model])
    order = [card.model, *(m for m in card.figures if m != card.model)]
    rows = [[f"**{m}**" if m == card.model else m, *(str(card.figures[m].get(k, "–")) for k in metrics)] for m in order]
    lines = [
        _front_matter(card), f"# {card.title}", "", card.summary, "",
        "## Metrics", "",
        "On the test split, which neither training nor the choice of the model saw; brackets hold the interval of the "
        "bootstrap. This model stands first.", "",
        *_table(["model", *metrics], rows), "",
        *(f"- {note}" for note in card.notes), "",
        "## Data", "", *_table(["raw data", "hash"], [[f"`{k}`", f"`{v}`"] for k, v in card.data.items()]), "",
        "## Intended use", "", card.use, "",
        "## Limits", "", *(f"- {line}" for line in card.limits), "",
        "## How to load", "", "```python", "from rankpipe.hub import Predictor", "",
        'predictor = Predictor.from_pretrained("path/to/this/folder")   # or "org/name", revision="…"',
        "frame, expected = predictor.sample()",
        _check(card), "```", "",
        "Every file's sha256 is checked on loading, nothing is unpickled, and a frame that doesn't fit `schema.json` "
        "is refused by the name of the column.", "",
        "## Sample request", "",
        f"The row of `sample_request.json` is {card.origin}:", "",
        "```", *_lines(card.request["rows"][0]), "```", "",
        *_answer(card), "",
    ]
    return "\n".join(lines)


def _check(card: Card) -> str:
    """One line of Python that a reader runs after loading."""
    if "answers" not in card.request:
        return "assert abs(predictor.predict(frame) - expected).max() < 1e-6"
    names = [name for name, value in card.request["answers"][0].items() if not isinstance(value, float)]
    return f"assert predictor.predict(frame)[{names}].astype(str).equals(expected[{names}].astype(str))"


def _answer(card: Card) -> list[str]:
    if "answers" not in card.request:
        return [f"It must score {card.request['scores'][0]:.6f}."]
    names = list(card.request["answers"][0])
    rows = [[f"{value:.6f}" if isinstance(value, float) else str(value) for value in answer.values()]
            for answer in card.request["answers"]]
    return ["It must get:", "", *_table(names, rows)]


def _front_matter(card: Card) -> str:
    from huggingface_hub import EvalResult, ModelCardData

    name = ", ".join(card.data) or "unnamed"
    results = [EvalResult(task_type=card.task, dataset_type="tabular", dataset_name=name, dataset_split="test",
                          metric_type=card.names.get(k, k), metric_name=k, metric_value=round(f.value, 6))
               for k, f in card.figures[card.model].items()]
    data = ModelCardData(library_name="rankpipe", pipeline_tag=card.task, tags=list(card.tags), license=card.license,
                         model_name=card.title, eval_results=results)
    return f"---\n{data.to_yaml()}\n---"


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    return [f"| {' | '.join(line)} |" for line in (head, ["---"] * len(head), *rows)]


def _lines(row: dict[str, Any]) -> list[str]:
    """The ends of a row, which may have hundreds of columns."""
    lines = [f"{key}: {_short(value)}" for key, value in row.items()]
    return lines if len(lines) <= 2 * SHOWN else [*lines[:SHOWN], f"… {len(lines) - 2 * SHOWN} more", *lines[-SHOWN:]]


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "…"
