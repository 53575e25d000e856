"""Executors for the units of a run: processes of this machine, or the workers of a Dask cluster."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

_P = ParamSpec("_P")
_T = TypeVar("_T")

_THREADS = ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_IDLE_SECONDS = 600
_DASK_TIMEOUT = "20s"


@dataclass(frozen=True, slots=True)
class Workers:
    """Where units run.

    Attributes
    ----------
    executor
        None: here, one by one.
    in_flight
        How many units to give out at once; None: all.
    """

    executor: Executor | None = None
    in_flight: int | None = None


class _Processes(Executor):
    """Processes of this machine that are replaced when one dies: a broken pool makes way for a new one."""

    def __init__(self, count: int, threads: int) -> None:
        self._options: dict[str, Any] = {
            "max_workers": count,
            "timeout": _IDLE_SECONDS,
            "env": dict.fromkeys(_THREADS, str(threads)),
        }

    def _pool(self) -> Any:
        from loky import get_reusable_executor

        return get_reusable_executor(**self._options)

    def submit(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> Future[_T]:
        future: Future[_T] = self._pool().submit(fn, *args, **kwargs)
        return future

    def kill(self) -> None:
        """End the processes at once, whatever they are doing."""
        self._pool().shutdown(wait=False, kill_workers=True)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._pool().shutdown(wait=wait, kill_workers=cancel_futures)


@contextmanager
def local_workers(count: int | None = None) -> Iterator[Workers]:
    """Processes of this machine that share its cores; none but this one where one is enough.

    Parameters
    ----------
    count : int, optional
        How many; one for each core by default.
    """
    from loky import cpu_count

    cores = int(cpu_count())
    count = cores if count is None else count
    if count == 1:
        yield Workers()
        return
    pool = _Processes(count, threads=max(1, cores // count))
    # a process that took up torch and images is soon replaced by a fresh one, which is as it should be
    warnings.filterwarnings("ignore", message="A worker was restarted", module="loky")
    try:
        # no more given out than the pool can begin soon: what a worker that dies takes with it is little
        yield Workers(pool, in_flight=2 * count)
    except BaseException:
        pool.kill()
        raise
    pool.shutdown()


@contextmanager
def dask_workers(address: str) -> Iterator[Workers]:
    """The workers of a Dask cluster, reached by the address of its scheduler.

    Parameters
    ----------
    address : str
        Like ``"tcp://127.0.0.1:8786"``.

    Raises
    ------
    ValueError
        If Dask is not installed, no scheduler answers, or a worker of it has several threads.
    """
    try:
        from distributed import Client
    except ImportError:
        raise ValueError("--dask needs dask.distributed: pip install 'genlaws[dask]'") from None
    # a scheduler that goes away is told of by the units it had, without pages of its own
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    try:
        client = Client(address, timeout=_DASK_TIMEOUT, set_as_default=False)
    except (OSError, ValueError) as error:
        said = " ".join(str(error).split())
        raise ValueError(f"no Dask scheduler answers at {address}: {said}") from None
    with client:
        threads = [worker["nthreads"] for worker in client.scheduler_info(n_workers=-1)["workers"].values()]
        if any(number > 1 for number in threads):
            # two units in one process would lift each other's limits on the threads of matrix products
            raise ValueError(
                f"the workers of {address} must have one thread each (dask worker --nthreads 1), "
                f"got {max(threads)}"
            )
        # a unit is worth its seconds, never the same twice, and must not be taken for one done before
        yield Workers(client.get_executor(pure=False))
