"""Binary perceptrons against the replica-symmetric learning curve of large dimension."""

import numpy as np
import pytest

from genlaws.simulate.binary_perceptron import BinaryPerceptron
from genlaws.simulate.training_sets import sample_training_sets

pytestmark = pytest.mark.slow

# Gibbs error by examples per weight, before the first-order transition
REPLICA = {0.25: 0.4515, 0.5: 0.4053}


@pytest.mark.parametrize("alpha", REPLICA)
def test_enumerated_errors_extrapolate_to_the_replica_curve(alpha):
    inverse, error, se = [], [], []
    for dimension in (8, 12, 16, 20):
        n = round(alpha * dimension)
        e = sample_training_sets(BinaryPerceptron(dimension), n_examples=n, sets=2000, rng=1)
        inverse.append(1.0 / dimension)
        error.append(e.mean_true_error[0])
        se.append(e.mean_true_error_se[0])
    fit, covariance = np.polyfit(inverse, error, 2, w=1.0 / np.array(se), cov="unscaled")
    limit, limit_se = fit[-1], np.sqrt(covariance[-1, -1])
    assert limit_se < 0.006
    assert limit == pytest.approx(REPLICA[alpha], abs=3.0 * limit_se)


def test_sampled_errors_reach_the_replica_curve():
    e = sample_training_sets(
        BinaryPerceptron(100), n_examples=[25, 50], sets=12, particles=300, replicas=2, rng=2
    )
    # the dimension still shifts the error: by about .2/N at half an example per weight
    for k, expected in enumerate(REPLICA.values()):
        assert e.mean_true_error_se[k] < 0.008
        assert e.mean_true_error[k] == pytest.approx(expected, abs=3.5 * e.mean_true_error_se[k] + 0.004)
