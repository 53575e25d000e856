"""Measured learning curves from a file of a user's own: columns n, error and, if there are, replicate."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from genlaws.simulate.measurement import Measurement

from .measurement_tables import read_measurement


def read_learning_curves(path: str | Path) -> Measurement:
    """Read measured learning curves.

    Parameters
    ----------
    path : path
        A CSV file whose first line names its columns: ``n`` (training examples), ``error`` (in [0, 1]) and,
        if there are several training sets or seeds, ``replicate`` (a number or a word). Other columns and
        lines that start with # are passed over.

    Returns
    -------
    Measurement
        Replicates are numbered in the order of their first line; all are one without that column.

    Raises
    ------
    ValueError
        If the file is no text, a column is missing, or a line holds no such numbers, with its number.
    """
    measured = read_measurement(path, x="n", y="error", x_above=0.0, y_within=(0.0, 1.0))
    return replace(measured, x_label="training examples n", y_label="error")
