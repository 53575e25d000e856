"""Ensembles of classifiers whose answers are known, and the rare-event samplers (numba)."""
