"""Guess and check, and labels of teachers, against drawing by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from genlaws.empirical.architectures import parse_architecture
from genlaws.empirical.guessing import guess_and_check
from genlaws.empirical.networks import Network
from genlaws.empirical.priors import Prior
from genlaws.empirical.teachers import teacher_labels

NETWORK = Network(parse_architecture("fc:5"), Prior(), (3,))
INPUTS = np.random.default_rng(0).standard_normal((40, 3)).astype(np.float32)
LABELS = np.where(INPUTS[:, 0] > 0, 1, -1)


def test_guesses_are_the_first_draws_that_are_right():
    small, large = guess_and_check(NETWORK, INPUTS, LABELS, n_examples=[2, 5], draws=3000, members=50, rng=1)
    latent = NETWORK.draw(3000, np.random.default_rng(1))
    right = NETWORK.scores(latent, torch.from_numpy(INPUTS))[..., 0].numpy() * LABELS > 0
    for n, guessed in ((2, small), (5, large)):
        kept = np.flatnonzero(right[:, :n].all(axis=1))[:50]
        np.testing.assert_allclose(
            guessed.true_errors(INPUTS[10:], LABELS[10:]), (~right[kept, 10:]).mean(axis=1), atol=1e-12
        )
        assert guessed.reached.all()
        assert not guessed.steps.any()


def test_what_cannot_be_guessed_is_said():
    with pytest.raises(ValueError, match="none of 10 guesses is right on 30 examples"):
        guess_and_check(NETWORK, INPUTS, LABELS, n_examples=[30], draws=10, members=5, rng=0)
    with pytest.raises(ValueError, match="n_examples must be at most the 40 points, got 41"):
        guess_and_check(NETWORK, INPUTS, LABELS, n_examples=[41], draws=10, members=5, rng=0)


def test_teachers_label_as_a_network_of_the_family():
    labels = teacher_labels(NETWORK, INPUTS, rng=3)
    assert 0.25 <= np.mean(labels > 0) <= 0.75
    generator = np.random.default_rng(3)
    signs = [
        np.where(
            NETWORK.scores(NETWORK.draw(1, generator), torch.from_numpy(INPUTS))[0, :, 0].numpy() > 0, 1, -1
        )
        for _ in range(64)
    ]
    assert any(np.array_equal(labels, sign) for sign in signs)
    with pytest.raises(ValueError, match="none of 64 teachers"):
        teacher_labels(NETWORK, INPUTS[:1], rng=0)
