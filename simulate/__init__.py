"""Ensembles of classifiers whose answers are known, and the rare-event samplers (numba)."""

from .binary_perceptron import BinaryPerceptron as BinaryPerceptron
from .covariances import arc_cosine_covariance as arc_cosine_covariance
from .covariances import erf_covariance as erf_covariance
from .drawn_classifiers import DrawnClassifiers as DrawnClassifiers
from .enumeration import EnumerableFamily as EnumerableFamily
from .enumeration import PlantableFamily as PlantableFamily
from .enumeration import ZeroErrorCounts as ZeroErrorCounts
from .error_tail import ErrorDensityEnsemble as ErrorDensityEnsemble
from .error_tail import sample_error_density as sample_error_density
from .family import ClassifierFamily as ClassifierFamily
from .family import MoveReport as MoveReport
from .gaussian_process import GaussianProcess as GaussianProcess
from .linear_data import GaussianMixtureLabels as GaussianMixtureLabels
from .linear_data import LogisticLabels as LogisticLabels
from .linear_data import TeacherLabels as TeacherLabels
from .lookup_table import LookupTable as LookupTable
from .measurement import Measurement as Measurement
from .planted import PlantedFraction as PlantedFraction
from .planted import planted_bad_fraction as planted_bad_fraction
from .planted_pool import PlantedPoolFraction as PlantedPoolFraction
from .planted_pool import planted_pool_fraction as planted_pool_fraction
from .quenched import QuenchedEnsemble as QuenchedEnsemble
from .spherical_perceptron import SphericalPerceptron as SphericalPerceptron
from .training_sets import sample_training_sets as sample_training_sets
from .zero_error import sample_zero_error as sample_zero_error
from .zero_error_ensemble import ZeroErrorEnsemble as ZeroErrorEnsemble
