"""What the board says above and below its table."""

from typing import Any

from rankpipe.embedding.scores import Scores
from rankpipe.judgement import Judgement
from rankpipe.metrics.similarity import Cuts


def heading(test: Scores, level: float, resamples: int) -> str:
    """What was judged and how intervals were made, in one line."""
    return f"{len(test):,} graded pairs; {100 * level:g}% intervals, {resamples:,} resamples of pairs"


def notes(judgement: Judgement, level: float, cuts: Cuts, test: Scores, gains: list[dict[str, Any]]) -> tuple[str, ...]:
    """The lines under the table."""
    compared = sum(row.gap is not None for row in judgement.rows)
    runs = max(len(of) for of in test.cosines.values())
    lines = [f"Δ: against {judgement.baseline}, the best baseline (°) on valid: ▲ better, ▼ worse, · undecided",
             f"   (differences on the same resamples, Holm over {compared}, {100 - 100 * level:g}%)",
             f"similar, different: mean cosine of pairs graded ≥ {cuts.similar:g} and ≤ {cuts.different:g} of 1; gap: "
             f"their difference, no measure by itself; AUC: ≥ {cuts.alike:g}"]
    if runs > 1:
        lines.append(f"a trained model is the mean of its {runs} runs, one a seed; ± is their standard deviation, "
                     "which the interval doesn't hold")
    lines += [f"{one['model']} gave {one['gain']:+.4f} [{one['low']:+.4f}, {one['high']:+.4f}] over {one['start_from']}"
              + (f", its worst run {one['worst_run']:+.4f}" if one["runs"] > 1 else "") for one in gains]
    return tuple(lines)
