"""Networks on images long after zero training error: claims that simulations do not test (D3, E1, E2)."""

from __future__ import annotations

import math

from genlaws.simulate.measurement import Source
from genlaws.theory import Ordering, PowerLaw, UpperBound

from ..claim import Claim, Control
from .long_training import END, FALL, LATE, LINEAR, THREE_LAYERS, TWO_LAYERS, trained, with_rates

_NETWORKS_ONLY: dict[Source, str] = {
    "simulation": "the claim is about networks trained on images and what they do on other images"
}
_RANGE = (LATE, END)
_RARELY = 0.05
_TWICE = math.log(2.0)

CLAIMS = (
    Claim(
        id="D3f",
        paper="banburski",
        where="arXiv:1903.04991, abstract: the margin increases monotonically; its 5 % quantile, on networks",
        statement="The 5 % quantile of a network's normalized margins never falls past zero training error.",
        prediction=f"a share of at most {_RARELY:.0%} of networks in which it falls by {FALL:.1%} of itself",
        law=UpperBound(),
        predicted=_RARELY,
        band=(-math.inf, _RARELY),
        band_reason=(
            'one-sided: "monotonically" allows no fall, but what is proved is of the smoothed margin and '
            "not of a quantile, so that one network in twenty may fall"
        ),
        x_range=(3, 3),
        falsifier=f"a share above {_RARELY:.0%} of networks in which it falls",
        control=Control(
            description="the mean margin of linear classifiers, which falls as the least ones rise",
            expected="REFUTED",
            experiments=trained(LINEAR, "falls, mean margin"),
        ),
        experiments=trained(THREE_LAYERS, "falls, 5 % quantile"),
        not_applicable=_NETWORKS_ONLY,
    ),
    Claim(
        id="E1m",
        paper="classics",
        where="arXiv:1710.10345, experiments with a convolutional network on CIFAR10; here fully connected",
        statement="Long after zero training error a network's validation error is lower than it was then.",
        prediction="a lower held-out error at every ln t from 100 to 1000 than at zero training error",
        law=Ordering(above=False),
        predicted=0.0,
        band=(-math.inf, 0.0),
        band_reason=(
            "one-sided without slack: the paper has the error lower and not by how much, so that an error "
            "as high as it was refutes as soon as the interval lies above 0"
        ),
        x_range=_RANGE,
        falsifier="a held-out error above that at zero training error",
        control=Control(
            description="the held-out loss of the same networks, which rises meanwhile",
            expected="REFUTED",
            experiments=trained(THREE_LAYERS, "held-out loss against"),
        ),
        experiments=trained(THREE_LAYERS, "held-out error"),
        not_applicable=_NETWORKS_ONLY,
    ),
    Claim(
        id="E1n",
        paper="classics",
        where="arXiv:1710.10345, experiments with a convolutional network on CIFAR10; here fully connected",
        statement="The norm of a network's last layer grows as ln t, like that of a linear classifier.",
        prediction=(
            "an exponent of 1 in ln t, for ln t from 100 to 1000; for outputs homogeneous in K layers, "
            "arXiv:1903.04991 has 1/K"
        ),
        law=PowerLaw(exponent=1.0),
        predicted=1.0,
        band=(0.9, 1.1),
        band_reason=(
            "a fifth of what lies between the 1 of a linear classifier and the 1/2 of two layers; "
            "constants beside ln t bend it by 0.004 for each unit at ln t of 100 to 1000"
        ),
        x_range=_RANGE,
        falsifier="an exponent of ln t that differs from 1 by more than 0.1",
        control=Control(
            description="a linear classifier of the same images, whose only layer does grow as ln t",
            expected="SUPPORTED",
            experiments=trained(LINEAR, "last norm"),
        ),
        experiments=trained(TWO_LAYERS, "last norm"),
        not_applicable=_NETWORKS_ONLY,
    ),
    Claim(
        id="E2h",
        paper="classics",
        where="arXiv:1906.05890, experiments with a convolutional network on MNIST; here fully connected",
        statement=(
            "At a learning rate over the loss, normalized margins are larger than at a constant rate after "
            "as many steps: there 1.2e-3 and 1.8e-4 after as many epochs."
        ),
        prediction="margins more than twice as large after 100, 300 and 1000 steps",
        law=Ordering(above=True, relative=True),
        predicted=_TWICE,
        band=(_TWICE, math.inf),
        band_reason=(
            "one-sided, a round factor of 2: well below the 6.7 by which the margins of the paper differ, "
            "after other numbers of steps and in another network"
        ),
        x_range=(100, 1000),
        falsifier="margins that are not twice as large",
        control=Control(
            description="margins where the loss is the same: what is gained is time, and the path is one",
            expected="REFUTED",
            experiments=with_rates("same loss"),
        ),
        experiments=with_rates("same steps"),
        not_applicable=_NETWORKS_ONLY,
    ),
)
