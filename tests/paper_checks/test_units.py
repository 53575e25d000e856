"""One unit of work: what limits hold while it is measured."""

from __future__ import annotations

from dataclasses import replace

import loky
import numpy as np
import pytest

from genlaws.paper_checks.runs import run_claims
from genlaws.paper_checks.units import Unit, run_unit
from genlaws.simulate.measurement import Measurement


def threads_seen(source):
    # made here so that it travels by value: a worker process cannot import the tests
    def count_threads(settings, rng):
        import torch
        from numba import get_num_threads
        from threadpoolctl import threadpool_info

        before, of_numba = torch.get_num_threads(), get_num_threads()
        (torch.ones(200, 200) @ torch.ones(200, 200)).sum()
        pools = max(pool["num_threads"] for pool in threadpool_info())
        seen = [before, torch.get_num_threads(), pools, of_numba]
        return Measurement(x=np.arange(4.0), replicate=np.zeros(4, dtype=int), y=np.array(seen, dtype=float))

    def measured():
        return run_unit(count_threads, Unit("T1", source, "claim", 0, {}, 1)).y.tolist()

    return measured


@pytest.mark.parametrize("where", ["a new process", "here"])
def test_a_unit_on_networks_has_one_thread_and_numba_its_own(where):
    if where == "here":
        found, of_numba = threads_seen("network")(), None
    else:
        threads = dict.fromkeys(["OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS"], "2")
        with loky.ProcessPoolExecutor(1, env=threads) as pool:
            found, of_numba = pool.submit(threads_seen("network")).result(), 2
    assert found[:3] == [1.0, 1.0, 1.0]
    assert of_numba is None or found[3] == of_numba


def test_torch_is_named_where_networks_were_measured_only(make_claim):
    plain = make_claim()
    networks = {"network": plain.experiments["simulation"]}
    control = replace(plain.control, experiments={**plain.control.experiments, **networks})
    both = replace(plain, experiments={**plain.experiments, **networks}, control=control)
    assert "torch" not in run_claims([both], rng=1).versions
    assert run_claims([both], sources=("network",), rng=1).versions["torch"][0].isdigit()
    assert "torch" not in run_claims([plain], sources=("network",), rng=1).versions
