"""Ensembles of classifiers whose answers are known, and the rare-event samplers (numba)."""

from .covariances import arc_cosine_covariance as arc_cosine_covariance
from .covariances import erf_covariance as erf_covariance
