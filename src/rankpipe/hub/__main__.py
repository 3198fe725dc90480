"""Scores a file with a bundle: ``python -m rankpipe.hub predict BUNDLE INPUT OUTPUT``.

BUNDLE is a folder or a hub repository, ``org/name`` or ``org/name@revision``; INPUT parquet or CSV; OUTPUT a
CSV of one row for each input row: the id column where the bundle has one and the input holds it, and ``score``; of a
bundle whose rows have many answers, the answers. The whole file is read at once; for large ones use the predict stage.
"""

import sys
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from rankpipe.errors import InputError, nearest
from rankpipe.hub.predictor import Predictor
from rankpipe.io.atomic import atomic_file
from rankpipe.stage import run


def main(command: str, bundle: str, source: str, output: str) -> None:
    if command != "predict":
        raise InputError(f"no command '{command}'; {nearest(command, ['predict'])}")
    repo, _, revision = bundle.partition("@")
    predictor = (Predictor.from_pretrained(bundle) if Path(bundle).is_dir()
                 else Predictor.from_pretrained(repo, revision or None))
    frame = read_table(Path(source), predictor.scorer.text_columns)
    scores = predictor.predict(frame)
    key = predictor.scorer.id
    if isinstance(scores, pd.DataFrame):
        table = pa.Table.from_pandas(scores, preserve_index=False)
    else:
        ids = {} if key is None or key not in frame else {key: pa.Array.from_pandas(frame[key])}
        table = pa.table({**ids, "score": scores})
    with atomic_file(output) as partial:
        pa.csv.write_csv(table, partial)
    print(f"{len(scores):,} rows → {output}", file=sys.stderr)


def read_table(path: Path, text: tuple[str, ...] = ()) -> pd.DataFrame:
    """A parquet or CSV file as a frame; the columns ``text`` of a CSV stay as they are written, "08" included.

    Raises:
        InputError: missing, of another kind, or damaged.
    """
    if path.suffix not in (".parquet", ".csv"):
        raise InputError(f"{path}: give a .parquet or a .csv file")
    if not path.is_file():
        raise InputError(f"{path}: not found")
    try:
        if path.suffix == ".parquet":
            return pa.parquet.read_table(path).to_pandas()
        return pd.read_csv(path, dtype=dict.fromkeys(text, str))
    except (pa.ArrowInvalid, OSError, ValueError) as error:
        raise InputError(f"{path}: not readable: {error}") from error


if __name__ == "__main__":
    run(main, "predict BUNDLE INPUT OUTPUT")
