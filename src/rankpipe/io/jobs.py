"""How row-group work is spread: the block ``jobs`` of params.yaml, and the pool behind it."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any

from rankpipe.errors import InputError
from rankpipe.params import bounded


@dataclass(frozen=True)
class Jobs:
    """One worker: this process. More: joblib's ``backend``, ``loky`` here, ``dask`` or ``ray`` on a cluster."""

    workers: int = bounded(1, low=1)
    backend: str = bounded("loky", choices=("loky", "dask", "ray"))
    """``dask`` finds its scheduler by DASK_SCHEDULER_ADDRESS, ``ray`` its cluster by RAY_ADDRESS; without, both start
    workers on this machine. On a cluster all machines see the same files under the same paths."""


def spread(jobs: Jobs, function: Callable[..., Any], tasks: Iterable[tuple[Any, ...]], wave: int) -> Iterator[Any]:
    """``function(*task)`` for each task, in order; ``wave`` tasks and their results are in memory at a time.

    Raises:
        InputError: the backend isn't installed; or whatever ``function`` raises.
    """
    import joblib  # not needed, and slow to load, where one process does it all

    tasks = iter(tasks)
    with _pool(jobs) as pool:
        while some := list(islice(tasks, wave)):
            yield from pool(joblib.delayed(function)(*task) for task in some)


@contextmanager
def _pool(jobs: Jobs) -> Iterator[Any]:
    import joblib

    with ExitStack() as stack:
        try:
            if jobs.backend == "dask":
                from distributed import Client

                stack.enter_context(Client(n_workers=jobs.workers, threads_per_worker=1, dashboard_address=None))
            elif jobs.backend == "ray":
                from ray.util.joblib import register_ray

                register_ray()
        except ImportError as error:
            package = {"dask": "distributed"}.get(jobs.backend, jobs.backend)
            raise InputError(f"params.yaml: jobs.backend: {jobs.backend} isn't installed ({error}); "
                             f"pip install {package}, or set loky") from error
        stack.enter_context(joblib.parallel_config(jobs.backend, n_jobs=jobs.workers))
        yield stack.enter_context(joblib.Parallel(batch_size=1))
