"""The random orders of examples in training."""

import numpy as np
import pytest
import torch

from genlaws.empirical.batch_orders import batch_order


def test_orders_are_random_permutations_of_each_network_its_own():
    orders = batch_order(torch.arange(4000), examples=6, epoch=0, seed=1)
    assert torch.equal(orders.sort(dim=1).values, torch.arange(6).expand(4000, 6))
    # each example at each place one time in six: chi-square of 6 tables of 5 degrees of freedom, far out
    counts = np.stack([np.bincount(orders[:, place], minlength=6) for place in range(6)])
    assert np.all(np.sum((counts - 4000 / 6) ** 2 / (4000 / 6), axis=1) < 25.0)
    # all 720 orders come
    assert len(torch.unique(orders, dim=0)) > 700
    for other in (
        batch_order(torch.arange(4000), examples=6, epoch=1, seed=1),
        batch_order(torch.arange(4000), examples=6, epoch=0, seed=2),
        batch_order(torch.arange(1, 4001), examples=6, epoch=0, seed=1),
    ):
        assert float((other == orders).double().mean()) == pytest.approx(1 / 6, abs=0.015)
    assert torch.equal(batch_order(torch.tensor([17, 3]), examples=6, epoch=0, seed=1), orders[[17, 3]])
