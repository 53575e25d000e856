import numpy as np
import pytest
from scipy import stats

from genlaws.simulate.points import POINT_INDEX_LIMIT, gaussian_points


@pytest.fixture(scope="module")
def points():
    return gaussian_points(np.arange(200_000), 5)


def test_equal_indices_make_equal_points_wherever_they_stand():
    rng = np.random.default_rng(0)
    index = rng.integers(0, POINT_INDEX_LIMIT, 50)
    alone = np.concatenate([gaussian_points(index[i : i + 1], 7, 3) for i in range(50)])
    np.testing.assert_array_equal(gaussian_points(index, 7, 3), alone)
    assert not np.any(gaussian_points(index, 7, 4) == alone)


@pytest.mark.parametrize("dimension", [1, 2, 5])
def test_an_odd_dimension_drops_only_its_last_coordinate(dimension):
    index = np.array([0, 1, 12345, POINT_INDEX_LIMIT - 1])
    wider = gaussian_points(index, dimension + 1)[:, :dimension]
    np.testing.assert_array_equal(gaussian_points(index, dimension), wider)


def test_coordinates_are_standard_normal(points):
    # neighbouring indices are the hardest case for points made by hashing
    for column in points.T:
        assert stats.kstest(column, "norm").pvalue > 1e-4
    # the largest of a million must be as large as it should: no lattice, no clipping
    assert 4.3 < np.abs(points).max() < 6.5


def test_coordinates_neighbours_and_populations_are_independent(points):
    rows = len(points)
    across = np.corrcoef(
        np.hstack([points[:-1], points[1:], gaussian_points(np.arange(1, rows), 5, seed=1)]).T
    )
    off = across[~np.eye(15, dtype=bool)]
    assert np.abs(off).max() < 4.5 / np.sqrt(rows)
    assert off.std() == pytest.approx(1 / np.sqrt(rows), rel=0.25)
    # dependence that correlation does not see
    squares = np.corrcoef((points**2).T)[~np.eye(5, dtype=bool)]
    assert np.abs(squares).max() < 4.5 / np.sqrt(rows)
