"""How row-group work is spread: the block ``jobs`` of params.yaml."""

from dataclasses import dataclass

from rankpipe.params import bounded


@dataclass(frozen=True)
class Jobs:
    """One worker: this process. More: joblib's ``backend``, ``loky`` here, ``dask`` or ``ray`` on a cluster."""

    workers: int = bounded(1, low=1)
    backend: str = "loky"
