"""What the board says above and below its table."""

from rankpipe.fusion.dataset import Dataset
from rankpipe.fusion.judging import ORDERS, RANDOM, STARTING, Asked
from rankpipe.judgement import Judgement
from rankpipe.metrics.comparison import Difference


def heading(asked: Asked, level: float, resamples: int) -> str:
    """What was judged and how intervals were made, in one line."""
    rows, queries = len(asked.slates.candidates), len(asked.slates)
    return (f"{rows:,} graded candidates of {queries:,} queries; {100 * level:g}% intervals, {resamples:,} resamples "
            "of queries")


def notes(judgement: Judgement, level: float, relevant: int, asked: Asked, data: Dataset,
          chance: dict[str, Difference], recall: dict[str, float]) -> tuple[str, ...]:
    """The lines under the table."""
    compared = sum(row.gap is not None for row in judgement.rows)
    bound = int((data.queries.constraints[data.queries.of("test")] >= 0).any(1).sum())
    lines = [f"Δ: against {judgement.baseline}, the best baseline (°) on valid: ▲ better, ▼ worse, · undecided",
             f"   (differences on the same resamples, Holm over {compared}, {100 - 100 * level:g}%)",
             f"gain 2^grade − 1; MRR and MAP: grade {relevant} or better; {asked.without_relevant} queries without "
             "gain count 0",
             f"compliance@1: the first item meets every constraint; {bound} of {len(asked.slates)} queries have any",
             f"{STARTING}: as the file lists them; {RANDOM}: the mean of {ORDERS}"]
    lines += [f"{model}, trained on shuffled grades: {gap.estimate:+.4f} [{gap.low:+.4f}, {gap.high:+.4f}] from chance"
              for model, gap in chance.items()]
    if recall:
        lines.append("retrieval, " + ", ".join(f"{name} {value:.4f}" for name, value in recall.items()))
    return tuple(lines)
