"""The report of `genlaws curve`: a learning curve with all that was asked of it, as table, JSON and CSV."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .classical_columns import DELTA, NAMES, ClassicalSetting
from .curve_sources import CurveSource
from .serialize import SCHEMA_VERSION, json_ready

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class CurveQuestions:
    """What is asked of a source.

    Attributes
    ----------
    eps : float or None
        Error above which a classifier is bad.
    error : float or None
        Wanted mean error.
    confidence : float
        Of the band.
    """

    eps: float | None = None
    error: float | None = None
    confidence: float = 0.95

    def checked(self) -> CurveQuestions:
        """The questions themselves; raises ValueError where one is out of its range."""
        for option, value in (("--error", self.error), ("--confidence", self.confidence)):
            if value is not None and not 0.0 < value < 1.0:
                raise ValueError(f"{option} must lie in (0, 1), got {value:g}")
        return self


@dataclass(frozen=True, slots=True)
class CurveReport:
    """A learning curve and what stands beside it.

    Attributes
    ----------
    source : dict
        What the curve comes from.
    n : list of int
    columns : dict
        Arrays of shape (points,) by their name in JSON; logs are natural.
    classical : dict
        Classical bounds by name, likewise.
    facts : dict
        Single numbers by their name in JSON; infinity stands for never.
    notes : list of str
    log_fraction_of : str or None
        ``"given"`` or ``"annealed"``: what PAC-Bayes was told.
    """

    source: dict[str, Any]
    n: list[int]
    columns: dict[str, FloatArray]
    classical: dict[str, FloatArray]
    facts: dict[str, float]
    notes: list[str]
    log_fraction_of: str | None

    def to_dict(self) -> dict[str, Any]:
        """All of it, ready for JSON."""
        document: dict[str, Any] = {"schema_version": SCHEMA_VERSION, "density": self.source, "n": self.n}
        document |= self.columns | self.facts
        if self.classical:
            document["classical"] = self.classical
        if self.log_fraction_of is not None:
            document["log_fraction_of"] = self.log_fraction_of
        ready: dict[str, Any] = json_ready(document)
        return ready

    def to_csv(self) -> str:
        """One row per number of examples; an empty cell where a number is not finite."""
        columns = self.columns | {f"{name}_bound": values for name, values in self.classical.items()}
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["n", *columns])
        for place, n in enumerate(self.n):
            cells = [float(values[place]) for values in columns.values()]
            writer.writerow([n, *(f"{cell:.12g}" if math.isfinite(cell) else "" for cell in cells)])
        return text.getvalue()

    def tables(self) -> dict[str, dict[str, list[str]]]:
        """Columns of text by their titles, by the titles of the tables."""
        examples = {"examples": [f"{n:,}" for n in self.n]}
        mean_error = {"mean error": _texts(self.columns["mean_error"], 4)}
        shown = {"Annealed learning curve": examples | mean_error | self._band("mean_error")}
        if "log_bad_fraction" in self.columns:
            bad = {"ln fraction": _texts(self.columns["log_bad_fraction"], 5)} | self._band(
                "log_bad_fraction"
            )
            if "bound" in self.columns:
                bad["its bound"] = _texts(self.columns["bound"], 5)
            shown[f"Fraction with an error above {self.facts['eps']:g}"] = examples | bad
        if self.classical:
            known = {NAMES[name]: _texts(values, 3) for name, values in self.classical.items()}
            shown["Classical bounds beside the mean error"] = examples | mean_error | known
        return shown

    def _band(self, name: str) -> dict[str, list[str]]:
        if f"{name}_low" not in self.columns:
            return {}
        titles = (f"{self._confidence()} from", "to")
        ends = (self.columns[f"{name}_{end}"] for end in ("low", "high"))
        return {title: _texts(end, 4) for title, end in zip(titles, ends, strict=True)}

    def _confidence(self) -> str:
        return f"{100.0 * self.facts['confidence']:.4g} %"

    def sentences(self) -> list[str]:
        """What is said below the table: the single numbers first, then what everything holds for."""
        said = []
        if "error" in self.facts:
            said.append(self._needed())
        if "decay_rate" in self.facts:
            rate = self.facts["decay_rate"]
            said.append(
                f"The fraction above {self.facts['eps']:g} falls as exp(-{rate:.6g} n) in the end."
                if math.isfinite(rate)
                else f"No classifier errs more than {self.facts['eps']:g} and survives an example."
            )
        return said + self.notes

    def _needed(self) -> str:
        error, needed = self.facts["error"], self.facts["examples_needed"]
        if "examples_needed_low" in self.facts:
            low, high = self.facts["examples_needed_low"], self.facts["examples_needed_high"]
            at = f"about {needed:,.4g} examples" if math.isfinite(needed) else "more than it can tell"
            if math.isinf(low):
                return f"A mean error of {error:g} takes more examples than these measurements can tell."
            most = f"at most {high:,.4g}" if math.isfinite(high) else "with no upper limit known"
            # a sample's range holds together with its band; one over runs is for a number of its own
            alone = self.source["kind"] == "measured"
            sure = f" ({self._confidence()} for this range by itself)" if alone else ""
            return f"A mean error of {error:g} takes {at}: at least {low:,.4g}, {most}{sure}."
        if math.isfinite(needed):
            return f"A mean error of {error:g} takes {needed:,.6g} examples."
        if self.source["kind"] == "atoms" and not self.source["whole"]:
            return f"A mean error of {error:g} takes more examples than these draws can tell."
        return f"The mean error never falls to {error:g}."


def _texts(values: FloatArray, digits: int) -> list[str]:
    return ["<1e-9" if 0.0 < value < 1e-9 else f"{value:.{digits}g}" for value in values]


def curve_report(
    source: CurveSource, counts: list[int], *, asked: CurveQuestions, classical: ClassicalSetting
) -> CurveReport:
    """Ask a source for its learning curve and all that goes with it.

    Parameters
    ----------
    source : CurveSource
    counts : list of int
        Numbers of examples.
    asked : CurveQuestions
    classical : ClassicalSetting
        What the classical bounds know.

    Returns
    -------
    CurveReport

    Raises
    ------
    ValueError
        If the source cannot tell what is asked, such as the error after more examples than it supports, or a
        measured fraction comes with several n.
    """
    if classical.log_fraction is not None and len(counts) != 1:
        raise ValueError("--log-fraction belongs to one training set: give one number of --examples with it")
    if max(counts) > source.most_examples:
        raise ValueError(
            f"--examples must be at most {math.floor(source.most_examples)}, what {source.about['file']} "
            f"supports, got {max(counts)}"
        )
    n = np.array(counts, dtype=np.float64)
    columns: dict[str, FloatArray] = {"mean_error": np.asarray(source.mean_error(n))}
    facts: dict[str, float] = {}
    band = source.mean_error_band(n, asked.confidence)
    if band is not None:
        facts["confidence"] = asked.confidence
        columns |= {"mean_error_low": band.low, "mean_error_high": band.high}
    if asked.eps is not None:
        _add_bad_fraction(source, n, asked.eps, asked.confidence, columns, facts)
    if asked.error is not None:
        facts |= {"error": asked.error, "examples_needed": source.examples_needed(asked.error)}
        ends = source.examples_needed_band(asked.error, asked.confidence)
        if ends is not None:
            facts |= {"examples_needed_low": ends[0], "examples_needed_high": ends[1]}
    notes, bounds, fraction_of = source.notes(n, asked.confidence), {}, None
    if classical.asked:
        annealed = source.log_fraction(n) if classical.log_fraction is None else None
        bounds = classical.bounds(n, annealed)
        facts["delta"] = DELTA if classical.delta is None else classical.delta
        notes.append(classical.note(bounds))
        if "pac_bayes" in bounds:
            fraction_of = "annealed" if classical.log_fraction is None else "given"
    return CurveReport(source.about, counts, columns, bounds, facts, notes, fraction_of)


def _add_bad_fraction(
    source: CurveSource,
    n: FloatArray,
    eps: float,
    confidence: float,
    columns: dict[str, FloatArray],
    facts: dict[str, float],
) -> None:
    facts["eps"] = eps
    columns["log_bad_fraction"] = np.asarray(source.log_bad_fraction(n, eps))
    band = source.log_bad_fraction_band(n, eps, confidence)
    if band is not None:
        columns |= {"log_bad_fraction_low": band.low, "log_bad_fraction_high": band.high}
    bound = source.log_bad_fraction_bound(n, eps)
    if bound is not None:
        columns["bound"] = bound
    rate = source.decay_rate(eps)
    if rate is not None:
        facts["decay_rate"] = rate
