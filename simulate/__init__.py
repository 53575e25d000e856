"""Ensembles of classifiers whose answers are known, and the rare-event samplers (numba)."""

from .binary_perceptron import BinaryPerceptron as BinaryPerceptron
from .covariances import arc_cosine_covariance as arc_cosine_covariance
from .covariances import erf_covariance as erf_covariance
from .enumeration import EnumerableFamily as EnumerableFamily
from .enumeration import PlantableFamily as PlantableFamily
from .enumeration import ZeroErrorCounts as ZeroErrorCounts
from .lookup_table import LookupTable as LookupTable
from .planted import PlantedFraction as PlantedFraction
from .planted import planted_bad_fraction as planted_bad_fraction
from .quenched import QuenchedEnsemble as QuenchedEnsemble
from .training_sets import sample_training_sets as sample_training_sets
