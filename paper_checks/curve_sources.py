"""Where a learning curve comes from: a density that is known, a sample of errors, or a measured density."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from genlaws.simulate import (
    ErrorDensityEnsemble,
    largest_measured_n,
    measured_bad_fraction,
    measured_examples_needed,
    measured_learning_curve,
    measured_log_fraction,
)
from genlaws.simulate.run_bands import FEWEST_RUNS
from genlaws.theory import (
    AtomicErrorDensity,
    BetaErrorDensity,
    CountErrorDensity,
    CurveBand,
    ErrorDensity,
    SampledErrorDensity,
    bad_fraction_band,
    bad_fraction_bound,
    decay_rate,
    examples_needed,
    examples_needed_band,
    learning_curve,
    learning_curve_band,
    log_annealed_bad_fraction,
    log_zero_error_fraction,
)

from .error_files import read_errors, read_measured_density

FloatArray = NDArray[np.float64]
Ends = tuple[float, float]


class CurveSource(Protocol):
    """Answers of one source; a band, a rate or a bound that it cannot give is None.

    Numbers of examples are arrays of shape (points,); logs are natural.
    """

    @property
    def about(self) -> dict[str, Any]:
        """What it is, ready for JSON."""
        ...

    @property
    def most_examples(self) -> float:
        """Largest number of examples that it can answer for; infinity where there is none."""
        ...

    def mean_error(self, n: FloatArray) -> FloatArray:
        """Annealed learning curve."""
        ...

    def mean_error_band(self, n: FloatArray, confidence: float) -> CurveBand | None:
        """Its band."""
        ...

    def log_bad_fraction(self, n: FloatArray, eps: float) -> FloatArray | None:
        """Ln of the annealed fraction above `eps`."""
        ...

    def log_bad_fraction_band(self, n: FloatArray, eps: float, confidence: float) -> CurveBand | None:
        """Its band."""
        ...

    def log_bad_fraction_bound(self, n: FloatArray, eps: float) -> FloatArray | None:
        """Ln of an upper bound of it."""
        ...

    def decay_rate(self, eps: float) -> float | None:
        """Nats per example at which it falls in the end."""
        ...

    def log_fraction(self, n: FloatArray) -> FloatArray | None:
        """Ln Z_n, the annealed fraction without training error."""
        ...

    def examples_needed(self, error: float) -> float:
        """Examples at which the curve comes down to `error`; infinity for never, or not known."""
        ...

    def examples_needed_band(self, error: float, confidence: float) -> Ends | None:
        """The range of that."""
        ...

    def notes(self, n: FloatArray, confidence: float) -> list[str]:
        """Sentences on what the numbers hold for."""
        ...


@dataclass(frozen=True, slots=True)
class KnownDensity:
    """A density in closed form, or all the errors that there are."""

    density: BetaErrorDensity | AtomicErrorDensity
    about: dict[str, Any]

    @property
    def most_examples(self) -> float:
        """Infinity."""
        return math.inf

    def mean_error(self, n: FloatArray) -> FloatArray:
        """Annealed learning curve."""
        return learning_curve(self.density, n)

    def mean_error_band(self, n: FloatArray, confidence: float) -> None:
        """None: nothing is left to chance."""

    def log_bad_fraction(self, n: FloatArray, eps: float) -> FloatArray:
        """Ln of the annealed fraction above `eps`."""
        return log_annealed_bad_fraction(self.density, n=n, eps=eps)

    def log_bad_fraction_band(self, n: FloatArray, eps: float, confidence: float) -> None:
        """None: nothing is left to chance."""

    def log_bad_fraction_bound(self, n: FloatArray, eps: float) -> FloatArray:
        """Ln of an upper bound of it."""
        return bad_fraction_bound(self.density, n=n, eps=eps)

    def decay_rate(self, eps: float) -> float:
        """Nats per example at which it falls in the end."""
        return float(decay_rate(self.density, eps))

    def log_fraction(self, n: FloatArray) -> FloatArray:
        """Ln Z_n, the annealed fraction without training error."""
        return log_zero_error_fraction(self.density, n)

    def examples_needed(self, error: float) -> float:
        """Examples at which the curve comes down to `error`; infinity for never, or not known."""
        return float(examples_needed(self.density, error))

    def examples_needed_band(self, error: float, confidence: float) -> None:
        """None: nothing is left to chance."""

    def notes(self, n: FloatArray, confidence: float) -> list[str]:
        """Sentences on what the numbers hold for."""
        if self.about["kind"] == "beta":
            return []
        return ["These errors were taken as the whole set: nothing is left to chance, and there is no band."]


@dataclass(frozen=True, slots=True)
class DrawnErrors:
    """Errors of classifiers drawn from a larger set, exact ones or counts on held-out points."""

    density: AtomicErrorDensity | CountErrorDensity
    errors: FloatArray
    weighted: bool
    held_out: int | None
    largest_n: float
    about: dict[str, Any]

    @property
    def most_examples(self) -> float:
        """Those that counts on held-out points support; infinity for exact errors, whose band tells."""
        return math.inf if self.held_out is None else min(self.largest_n, self.held_out - 1.0)

    def mean_error(self, n: FloatArray) -> FloatArray:
        """Annealed learning curve."""
        return learning_curve(self.density, n)

    def mean_error_band(self, n: FloatArray, confidence: float) -> CurveBand | None:
        """Its band."""
        if self.weighted:
            return None
        return learning_curve_band(self.errors, n=n, held_out=self.held_out, confidence=confidence)

    def log_bad_fraction(self, n: FloatArray, eps: float) -> FloatArray:
        """Ln of the annealed fraction above `eps`."""
        return log_annealed_bad_fraction(self.density, n=n, eps=eps)

    def log_bad_fraction_band(self, n: FloatArray, eps: float, confidence: float) -> CurveBand | None:
        """Its band."""
        if self.weighted:
            return None
        return bad_fraction_band(self.errors, n=n, eps=eps, held_out=self.held_out, confidence=confidence)

    def log_bad_fraction_bound(self, n: FloatArray, eps: float) -> FloatArray | None:
        """Ln of an upper bound of it."""
        return None if self.held_out is not None else bad_fraction_bound(self.density, n=n, eps=eps)

    def decay_rate(self, eps: float) -> None:
        """None: it hangs on the best classifier, which a sample need not hold."""

    def log_fraction(self, n: FloatArray) -> FloatArray:
        """Ln Z_n, the annealed fraction without training error."""
        return log_zero_error_fraction(self.density, n)

    def examples_needed(self, error: float) -> float:
        """Examples at which the curve comes down to `error`; infinity for never, or not known."""
        # not the atoms: their curve would come down where the sample has long ceased to speak
        density: ErrorDensity = self.density
        if isinstance(self.density, AtomicErrorDensity):
            density = SampledErrorDensity(self.density.errors, self.density.weights)
        try:
            return float(examples_needed(density, error))
        except ValueError:
            return math.inf

    def examples_needed_band(self, error: float, confidence: float) -> Ends | None:
        """The range of that."""
        if self.weighted:
            return None
        return examples_needed_band(self.errors, error, held_out=self.held_out, confidence=confidence)

    def notes(self, n: FloatArray, confidence: float) -> list[str]:
        """Sentences on what the numbers hold for."""
        notes = []
        if self.weighted:
            notes.append("There is no band for draws with weights.")
        elif self.held_out is None:
            notes.append(
                f"The band holds with {100.0 * confidence:.4g} % confidence at all n together, for the set "
                f"that these {len(self.errors):,} errors are a sample of (--whole if they are the set). What "
                "has no band is of the sample alone."
            )
        else:
            notes.append(
                f"Training sets are drawn from the {self.held_out:,} held-out points without repeats, and "
                "errors are on the others. The band covers the draw of the classifiers, with "
                f"{100.0 * confidence:.4g} % confidence at all n together; it does not cover the draw of "
                "these points, which all classifiers share."
            )
        if n.max() > self.largest_n:
            notes.append(
                f"Beyond {self.largest_n:.3g} examples fewer than 30 of the sample carry the curve: read the "
                "band, not the curve."
            )
        return notes


@dataclass(frozen=True, slots=True)
class MeasuredDensity:
    """An error density measured by splitting, in independent runs."""

    measured: ErrorDensityEnsemble
    about: dict[str, Any]

    @property
    def most_examples(self) -> float:
        """Those that every run supports."""
        return largest_measured_n(self.measured)

    def mean_error(self, n: FloatArray) -> FloatArray:
        """Annealed learning curve."""
        return measured_learning_curve(self.measured, n=n)[0]

    def mean_error_band(self, n: FloatArray, confidence: float) -> CurveBand:
        """Its band."""
        return measured_learning_curve(self.measured, n=n, confidence=confidence)[1]

    def log_bad_fraction(self, n: FloatArray, eps: float) -> FloatArray:
        """Ln of the annealed fraction above `eps`; raises ValueError for errors on held-out points."""
        if self.measured.error_name == "heldout":
            raise ValueError("--eps needs a density of exact errors or on a pool, not one on held-out points")
        return measured_bad_fraction(self.measured, n=n, eps=eps)[0]

    def log_bad_fraction_band(self, n: FloatArray, eps: float, confidence: float) -> CurveBand:
        """Its band."""
        return measured_bad_fraction(self.measured, n=n, eps=eps, confidence=confidence)[1]

    def log_bad_fraction_bound(self, n: FloatArray, eps: float) -> None:
        """None: what is measured with an error of its own bounds nothing."""

    def decay_rate(self, eps: float) -> None:
        """None: the edge of the density is not measured."""

    def log_fraction(self, n: FloatArray) -> FloatArray | None:
        """Ln Z_n, the annealed fraction without training error."""
        if self.measured.error_name == "heldout":
            return None
        return measured_log_fraction(self.measured, n=n)

    def examples_needed(self, error: float) -> float:
        """Examples at which the curve comes down to `error`; infinity for never, or not known."""
        return measured_examples_needed(self.measured, error)[0]

    def examples_needed_band(self, error: float, confidence: float) -> Ends:
        """The range of that."""
        _, low, high = measured_examples_needed(self.measured, error, confidence=confidence)
        return low, high

    def notes(self, n: FloatArray, confidence: float) -> list[str]:
        """Sentences on what the numbers hold for."""
        measured = self.measured
        notes = [
            f"The band is Student's t over {measured.replicas} runs of the splitting, with "
            f"{100.0 * confidence:.4g} % confidence at all n together."
        ]
        if measured.replicas < FEWEST_RUNS and len(n) > 1:
            notes.append(
                f"Fewer than {FEWEST_RUNS} runs do not tell how far numbers of examples go together, and the "
                "band pays for each of them: more runs, or fewer numbers, make it narrower."
            )
        if measured.error_resolution is not None:
            notes.append(
                f"Errors are counted on {measured.error_resolution:,} points, and the band does not cover "
                "the draw of these."
            )
        return notes


def known_beta(a: float, b: float) -> KnownDensity:
    """The Beta density of these two positive numbers."""
    return KnownDensity(BetaErrorDensity(a, b), {"kind": "beta", "a": a, "b": b})


def source_of_errors(path: str, *, whole: bool = False, held_out: int | None = None) -> CurveSource:
    """Errors from a file, as all there are or as a sample.

    Raises
    ------
    ValueError
        If the file holds anything but errors, or they are no counts on `held_out` points.
    """

    errors, weights = read_errors(path)
    about: dict[str, Any] = {"kind": "atoms", "file": path, "errors": len(errors), "whole": whole}
    if whole:
        return KnownDensity(AtomicErrorDensity(errors, weights), about | {"largest_n_of_a_sample": None})
    density: AtomicErrorDensity | CountErrorDensity
    if held_out is None:
        density = AtomicErrorDensity(errors, weights)
        largest_n = SampledErrorDensity(errors, weights).largest_n
    else:
        counts = np.rint(errors * held_out)
        if not np.allclose(errors * held_out, counts, rtol=0.0, atol=1e-3):
            wrong = errors[np.argmax(np.abs(errors * held_out - counts))]
            raise ValueError(f"{path}: {wrong:g} is no share of {held_out} held-out points")
        density = CountErrorDensity(counts, held_out, weights)
        largest_n = float(density.largest_n)
        about["held_out"] = held_out
    about["largest_n_of_a_sample"] = largest_n if math.isfinite(largest_n) else None
    return DrawnErrors(density, errors, weights is not None, held_out, largest_n, about)


def source_of_measured(path: str) -> MeasuredDensity:
    """A measured error density from a JSON file; raises ValueError if the file holds anything else."""
    measured = read_measured_density(path)
    about = {
        "kind": "measured",
        "file": path,
        "family": measured.family,
        "error_name": measured.error_name,
        "error_resolution": measured.error_resolution,
        "replicas": measured.replicas,
        "particles": measured.particles,
    }
    return MeasuredDensity(measured, about)
