"""Kernels written block by block: the numbers of one call, however often the writing is interrupted."""

import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from genlaws.empirical import convolutional_kernels
from genlaws.simulate import fully_connected_kernels, load_kernels, write_kernels

SETTINGS = {"activation": "erf", "depths": [1, 3], "weight_variance": 1.7, "bias_variance": 0.2, "keep": 0.8}


def points(n=23, seed=0):
    return np.random.default_rng(seed).normal(size=(n, 5))


def counting(calls):
    def kernels(X, other=None, **settings):
        calls.append((len(X), None if other is None else len(other)))
        return fully_connected_kernels(X, other, **settings)

    return kernels


@pytest.mark.parametrize("other", [None, points(11, seed=1)])
def test_blocks_make_the_whole(other, tmp_path):
    calls, shares = [], []
    kernels = counting(calls)
    folder = tmp_path / "a" / "b"
    options = {"settings": SETTINGS, "block_rows": 6}
    made = write_kernels(folder, kernels, points(), other, **options, progress=shares.append)
    whole = fully_connected_kernels(points(), other, **SETTINGS)
    assert made.depths == (1, 3)
    for found, expected in ((made.covariance, whole.covariance), (made.tangent, whole.tangent)):
        assert isinstance(found, np.memmap)
        assert not found.flags.writeable
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)
        if other is None:
            assert np.array_equal(found, found.swapaxes(1, 2))
    # 4 x 2 blocks, or 4 on the diagonal and one side of it
    number = 8 if other is not None else 10
    assert len(calls) == number
    assert shares == [(k + 1) / number for k in range(number)]
    assert sorted(path.name for path in folder.iterdir()) == ["covariance.npy", "kernels.json", "tangent.npy"]
    # what is there is not made again
    again = write_kernels(folder, kernels, points(), other, **options)
    assert len(calls) == number
    assert np.array_equal(again.tangent, made.tangent)


def test_kernels_of_images_in_torch(tmp_path):
    images = np.random.default_rng(0).normal(size=(5, 1, 4, 4))
    settings = {"depths": [3], "head": "pool", "weight_variance": 1.5, "bias_variance": 0.1, "device": "cpu"}
    made = write_kernels(tmp_path, convolutional_kernels, images, settings=settings, block_rows=2)
    whole = convolutional_kernels(images, **settings)
    np.testing.assert_allclose(made.covariance, whole.covariance, rtol=1e-12)
    np.testing.assert_allclose(made.tangent, whole.tangent, rtol=1e-12)


KILLED = """
import os, signal, sys
import numpy as np
from genlaws.simulate import fully_connected_kernels, write_kernels

def die(share):
    if share > 0.5:
        os.kill(os.getpid(), signal.SIGKILL)

X = np.load(sys.argv[2])
settings = {settings}
write_kernels(sys.argv[1], fully_connected_kernels, X, settings=settings, block_rows=6, progress=die)
"""


def test_a_killed_run_is_taken_up_where_it_was(tmp_path):
    np.save(tmp_path / "X.npy", points())
    folder = tmp_path / "kernels"
    code = KILLED.format(settings=SETTINGS)
    command = [sys.executable, "-c", code, folder, tmp_path / "X.npy"]
    done = subprocess.run(command, check=False)
    assert done.returncode == -signal.SIGKILL
    with pytest.raises(ValueError, match="are not finished: 6 of 10 blocks"):
        load_kernels(folder)
    # a block that was being written when it ended is made anew
    part = np.lib.format.open_memmap(folder / "tangent.npy.part", mode="r+")
    part[:, 18:, 18:] = np.nan
    del part

    shares = []
    options = {"settings": SETTINGS, "block_rows": 6}
    write_kernels(folder, fully_connected_kernels, points(), **options, progress=shares.append)
    assert shares == [0.7, 0.8, 0.9, 1.0]
    whole = fully_connected_kernels(points(), **SETTINGS)
    np.testing.assert_allclose(load_kernels(folder).tangent, whole.tangent, rtol=1e-12)


def test_an_end_between_the_two_names_is_no_loss(tmp_path):
    options = {"settings": SETTINGS, "block_rows": 30}
    made = write_kernels(tmp_path, fully_connected_kernels, points(), **options).tangent.copy()
    os.rename(tmp_path / "tangent.npy", tmp_path / "tangent.npy.part")
    with pytest.raises(ValueError, match="1 of 1 blocks"):
        load_kernels(tmp_path)
    assert np.array_equal(write_kernels(tmp_path, fully_connected_kernels, points(), **options).tangent, made)


def test_other_points_settings_or_blocks_are_refused(tmp_path):
    options = {"settings": SETTINGS, "block_rows": 30}
    write_kernels(tmp_path, fully_connected_kernels, points(), **options)
    for X, other, changed in (
        (points(seed=1), None, {}),
        (points(), points(), {}),
        (points(), None, {"block_rows": 20}),
        (points(), None, {"settings": SETTINGS | {"keep": 1.0}}),
    ):
        with pytest.raises(ValueError, match="holds kernels of other points, settings or blocks"):
            write_kernels(tmp_path, fully_connected_kernels, X, other, **(options | changed))


def test_says_what_does_not_fit(tmp_path):
    with pytest.raises(ValueError, match="there are no kernels in"):
        load_kernels(tmp_path)
    with pytest.raises(ValueError, match="block_rows must be an integer of at least 1, got 0"):
        write_kernels(tmp_path, fully_connected_kernels, points(), settings=SETTINGS, block_rows=0)
    with pytest.raises(ValueError, match="settings must be JSON"):
        write_kernels(
            tmp_path, fully_connected_kernels, points(), settings=SETTINGS | {"activation": np.tanh}
        )
    with pytest.raises(ValueError, match="settings must hold depths"):
        write_kernels(tmp_path, fully_connected_kernels, points(), settings={})
    far = {**SETTINGS, "depths": list(range(1, 300))}
    wide = np.broadcast_to(np.zeros((1, 1)), (10**7, 1))
    with pytest.raises(OSError, match="do not fit in"):
        write_kernels(tmp_path, fully_connected_kernels, wide, settings=far, block_rows=10**7)
    assert not list(tmp_path.iterdir())
    (tmp_path / "kernels.json").write_text("{")
    with pytest.raises(ValueError, match="is no record of kernels"):
        load_kernels(tmp_path)
    (tmp_path / "kernels.json").write_text(json.dumps({"schema_version": 99}))
    with pytest.raises(ValueError, match="has schema_version 99, not 1"):
        load_kernels(tmp_path)
