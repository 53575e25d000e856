"""Claims made for tests, and registered ones measured with settings of a test."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import special

from genlaws.paper_checks.claim import Claim, Control, Experiment, Settings
from genlaws.paper_checks.claim_registry import all_claims, forget_claims
from genlaws.paper_checks.family_registry import find_family
from genlaws.simulate.measurement import Measurement
from genlaws.theory import Constant

_UNITS = {"quick": 6, "standard": 12, "full": 24}


def constant_experiment(value: float, noise: float = 0.05) -> Experiment:
    # functions are made here, not at the top of the module, so that they travel by value: a worker
    # process cannot import the tests
    def units(budget: str) -> list[Settings]:
        return [{"replicate": i, "value": value} for i in range(_UNITS[budget])]

    def measure(settings: Settings, rng: np.random.Generator) -> Measurement:
        x = np.array([10.0, 20.0, 40.0, 80.0])
        y = settings["value"] + noise * rng.standard_normal(x.size)
        return Measurement(
            x=x,
            replicate=np.full(x.size, settings["replicate"]),
            y=y,
            x_label="training examples n",
            y_label="mean error",
            settings=dict(settings),
        )

    return Experiment(units=units, measure=measure)


@pytest.fixture(scope="session")
def make_claim() -> Callable[..., Claim]:
    def make(
        id: str = "T1",
        *,
        truth: float = 2.0,
        control: float = 3.0,
        expected: str = "REFUTED",
        paper: str = "tests",
        **changes: object,
    ) -> Claim:
        fields: dict[str, object] = {
            "id": id,
            "paper": paper,
            "where": "section 1",
            "statement": "The constant is two.",
            "prediction": "2 at every n",
            "law": Constant(2.0),
            "predicted": 2.0,
            "band": (1.8, 2.2),
            "x_range": (10.0, 80.0),
            "falsifier": "A constant below 1.8 or above 2.2.",
            "control": Control("another constant", expected, {"simulation": constant_experiment(control)}),
            "experiments": {"simulation": constant_experiment(truth)},
            "not_applicable": {"network": "there is no network in this test"},
        }
        return Claim(**(fields | changes))  # type: ignore[arg-type]

    return make


@pytest.fixture(scope="session")
def experiment_of() -> Callable[..., Experiment]:
    """The experiment of a registered claim or of its control, by source."""

    def find(name: str, role: str = "claim", *, source: str = "simulation") -> Experiment:
        (claim,) = [claim for claim in all_claims() if claim.id == name]
        tested = claim.as_tested_by(source)  # type: ignore[arg-type]
        return (tested if role == "claim" else tested.control).experiments[source]  # type: ignore[index]

    return find


@pytest.fixture(scope="session")
def measured(experiment_of: Callable[..., Experiment]) -> Callable[..., Measurement]:
    """A registered claim measured at the quick budget, with some settings changed."""

    def measure(
        name: str,
        role: str = "claim",
        *,
        source: str = "simulation",
        replicates: int = 1,
        seed: int = 1,
        **changes: Any,
    ) -> Measurement:
        experiment = experiment_of(name, role, source=source)
        unit = experiment.units("quick")[0]
        assert set(changes) <= set(unit)
        return Measurement.concatenate(
            experiment.measure({**unit, **changes, "replicate": k}, np.random.default_rng([seed, k]))
            for k in range(replicates)
        )

    return measure


@pytest.fixture(scope="session")
def averages() -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    """Mean over replicates at each x and its standard error."""

    def average(measurement: Measurement, column: str = "y") -> tuple[np.ndarray, np.ndarray]:
        replicates = len(np.unique(measurement.replicate))
        values = getattr(measurement, column).reshape(replicates, -1)
        return values.mean(axis=0), values.std(axis=0, ddof=1) / np.sqrt(replicates)

    return average


@pytest.fixture(scope="session")
def binary_density() -> Callable[[int], tuple[np.ndarray, np.ndarray]]:
    """True errors of all binary perceptrons by the number of flipped weights, and how many have each."""

    def density(dimension: int) -> tuple[np.ndarray, np.ndarray]:
        flipped = np.arange(dimension + 1)
        return np.arccos(1.0 - 2.0 * flipped / dimension) / np.pi, special.comb(dimension, flipped)

    return density


@pytest.fixture(scope="session")
def binary_bad_fraction(
    binary_density: Callable[[int], tuple[np.ndarray, np.ndarray]],
) -> Callable[[int, float], float]:
    """g_n(eps) of all 2^15 binary perceptrons."""

    def fraction(n: int, eps: float) -> float:
        error, count = binary_density(15)
        kept = count * (1.0 - error) ** n
        return float(kept[error > eps].sum() / kept.sum())

    return fraction


@pytest.fixture
def install(monkeypatch, tmp_path):
    """Another package as an installer leaves it: its name, {group: {entry point: object}}, its modules."""
    made = []

    def installed(distribution, entry_points, **modules):
        site = tmp_path / distribution
        metadata = site / f"{distribution.replace('-', '_')}-1.0.dist-info"
        metadata.mkdir(parents=True)
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
        lines = [
            line
            for group, entries in entry_points.items()
            for line in (f"[{group}]", *(f"{name} = {value}" for name, value in entries.items()))
        ]
        (metadata / "entry_points.txt").write_text("\n".join(lines) + "\n")
        for name, text in modules.items():
            (site / f"{name}.py").write_text(text)
            made.append(name)
        monkeypatch.syspath_prepend(str(site))
        forget_claims()
        find_family.cache_clear()

    yield installed
    for name in made:
        sys.modules.pop(name, None)
    monkeypatch.undo()
    forget_claims()
    find_family.cache_clear()
