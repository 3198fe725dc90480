"""Where the raw files lie: queries, candidates with the names of their images, and judgements, in one folder."""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from rankpipe import params
from rankpipe.errors import InputError

KEY = "params.yaml: fusion.source"


@dataclass(frozen=True)
class Letor:
    """Learning-to-rank files, :mod:`rankpipe.fusion.letor`."""

    train: str
    query: str | None = None
    """Lines of each query; None: ``train`` has a ``qid`` in each line."""


@dataclass(frozen=True)
class Source:
    """The block ``fusion.source`` of params.yaml. Paths are under ``folder``."""

    folder: str
    queries: str = "queries.jsonl"
    candidates: str = "candidates.jsonl"
    judgements: str = "judgements.tsv"
    popularity: str | None = None
    """A number of each candidate; None: how often train found it relevant."""
    letor: Letor | None = None
    """Instead of all the files above: features alone."""

    @property
    def root(self) -> Path:
        return Path(self.folder)

    def file(self, name: str) -> Path:
        return self.root / name

    def image(self, name: str) -> Path:
        """Where the image of a candidate lies. Its name was checked by :func:`inside`."""
        return self.root / name

    def there(self, name: str | None) -> Path | None:
        """The image's path; None where there is none, by name or as a file: a masked modality."""
        return self.image(name) if name is not None and self.image(name).exists() else None


def source(values: dict[str, Any]) -> Source:
    """The block as it stands in ``values``, the whole of params.yaml."""
    return params.block(Source, params.get(values, "fusion.source"), KEY)


def inside(name: str, where: str) -> str:
    """``name`` itself: a path of forward slashes that stays within the folder.

    Raises:
        InputError: it leaves the folder, or is absolute.
    """
    parts = PurePosixPath(name).parts
    if not parts or parts[0] == "/" or ".." in parts or any(sign in name for sign in "\\\0") or ":" in parts[0]:
        raise InputError(f"{where}: image '{name:.80}' leads out of the folder; name a file below it")
    return name
