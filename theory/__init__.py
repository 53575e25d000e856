"""What the papers predict: formulas only (numpy and scipy)."""

from .activation_maps import ActivationMap as ActivationMap
from .activation_maps import activation_map as activation_map
from .asymptotics import exponential_edge_asymptote as exponential_edge_asymptote
from .asymptotics import gaussian_bulk_asymptote as gaussian_bulk_asymptote
from .asymptotics import isolated_best_asymptote as isolated_best_asymptote
from .asymptotics import power_edge_asymptote as power_edge_asymptote
from .binary_perceptrons import PerceptronTransition as PerceptronTransition
from .binary_perceptrons import binary_perceptron_annealed_error as binary_perceptron_annealed_error
from .binary_perceptrons import (
    binary_perceptron_annealed_free_entropy as binary_perceptron_annealed_free_entropy,
)
from .binary_perceptrons import (
    binary_perceptron_annealed_spinodal as binary_perceptron_annealed_spinodal,
)
from .binary_perceptrons import (
    binary_perceptron_annealed_transition as binary_perceptron_annealed_transition,
)
from .binary_perceptrons import binary_perceptron_free_entropy as binary_perceptron_free_entropy
from .binary_perceptrons import binary_perceptron_gibbs_error as binary_perceptron_gibbs_error
from .binary_perceptrons import binary_perceptron_spinodal as binary_perceptron_spinodal
from .binary_perceptrons import binary_perceptron_transition as binary_perceptron_transition
from .bounds import bad_fraction_bound as bad_fraction_bound
from .bounds import pac_bayes_bound as pac_bayes_bound
from .bounds import uniform_zero_error_bound as uniform_zero_error_bound
from .bounds import zero_error_bound as zero_error_bound
from .capacity import PERCEPTRON_CAPACITY as PERCEPTRON_CAPACITY
from .capacity import HingeGroundState as HingeGroundState
from .capacity import free_hinge_ground_state as free_hinge_ground_state
from .capacity import hinge_ground_state as hinge_ground_state
from .capacity import log_separable_probability as log_separable_probability
from .capacity import perceptron_capacity as perceptron_capacity
from .capacity import perceptron_largest_margin as perceptron_largest_margin
from .capacity import perceptron_least_norm as perceptron_least_norm
from .closed_forms import BetaErrorDensity as BetaErrorDensity
from .closed_forms import PowerEdgeErrorDensity as PowerEdgeErrorDensity
from .counts import CountErrorDensity as CountErrorDensity
from .curves import Constant as Constant
from .curves import Divergence as Divergence
from .curves import ExponentialDecay as ExponentialDecay
from .curves import LogarithmicDecay as LogarithmicDecay
from .curves import LogarithmicGrowth as LogarithmicGrowth
from .error_density import ErrorDensity as ErrorDensity
from .exponential_forms import ExponentialEdgeErrorDensity as ExponentialEdgeErrorDensity
from .exponential_forms import TruncatedGaussianErrorDensity as TruncatedGaussianErrorDensity
from .gradient_flow import gradient_flow_risk as gradient_flow_risk
from .gradient_flow import optimal_stopping_time as optimal_stopping_time
from .gradient_flow import typical_gradient_flow_risk as typical_gradient_flow_risk
from .kernel_flow import KernelFlow as KernelFlow
from .laws import CurveLaw as CurveLaw
from .laws import Law as Law
from .laws import PointwiseLaw as PointwiseLaw
from .learning_curves import decay_prefactor_exponent as decay_prefactor_exponent
from .learning_curves import decay_rate as decay_rate
from .learning_curves import learning_curve as learning_curve
from .learning_curves import log_annealed_bad_fraction as log_annealed_bad_fraction
from .learning_curves import log_zero_error_fraction as log_zero_error_fraction
from .least_squares import least_squares_fluctuation as least_squares_fluctuation
from .least_squares import least_squares_risk as least_squares_risk
from .least_squares import least_squares_seed_variance as least_squares_seed_variance
from .least_squares import least_squares_squared_norm as least_squares_squared_norm
from .mean_field import MeanField as MeanField
from .mean_field import critical_weight_variance as critical_weight_variance
from .measured import AtomicErrorDensity as AtomicErrorDensity
from .measured import SampledErrorDensity as SampledErrorDensity
from .overparameterized import OVERPARAMETERIZED_MODELS as OVERPARAMETERIZED_MODELS
from .overparameterized import ErrorDensityFit as ErrorDensityFit
from .overparameterized import ErrorDensityModel as ErrorDensityModel
from .overparameterized import fit_error_density as fit_error_density
from .perceptron_density import BinaryPerceptronErrorDensity as BinaryPerceptronErrorDensity
from .perceptron_density import PerceptronErrorDensity as PerceptronErrorDensity
from .perceptrons import PERCEPTRON_ANNEALED_PREFACTOR as PERCEPTRON_ANNEALED_PREFACTOR
from .perceptrons import PERCEPTRON_BAYES_PREFACTOR as PERCEPTRON_BAYES_PREFACTOR
from .perceptrons import PERCEPTRON_GIBBS_PREFACTOR as PERCEPTRON_GIBBS_PREFACTOR
from .perceptrons import perceptron_annealed_error as perceptron_annealed_error
from .perceptrons import perceptron_annealed_log_fraction as perceptron_annealed_log_fraction
from .perceptrons import perceptron_bayes_error as perceptron_bayes_error
from .perceptrons import perceptron_gibbs_error as perceptron_gibbs_error
from .perceptrons import perceptron_log_fraction as perceptron_log_fraction
from .perceptrons import perceptron_overlap as perceptron_overlap
from .perturbed_boundary import boundary_shift as boundary_shift
from .perturbed_boundary import mixture_excess_coefficients as mixture_excess_coefficients
from .perturbed_boundary import perturbed_mixture_error as perturbed_mixture_error
from .perturbed_boundary import perturbed_teacher_error as perturbed_teacher_error
from .phases import DEPTH_SCALES as DEPTH_SCALES
from .phases import PhaseDiagram as PhaseDiagram
from .phases import PhasePoint as PhasePoint
from .phases import generalizing_weight_variances as generalizing_weight_variances
from .phases import phase_diagram as phase_diagram
from .power_laws import PowerLaw as PowerLaw
from .power_laws import PowerLawWithCorrection as PowerLawWithCorrection
from .power_laws import PowerLawWithPlateau as PowerLawWithPlateau
from .random_features import RandomFeaturePrediction as RandomFeaturePrediction
from .random_features import effective_ridge as effective_ridge
from .random_features import random_feature_prediction as random_feature_prediction
from .relations import ClosedCurve as ClosedCurve
from .relations import EqualDistributions as EqualDistributions
from .relations import EqualWithinMargin as EqualWithinMargin
from .relations import LowerBound as LowerBound
from .relations import Ordering as Ordering
from .relations import UpperBound as UpperBound
from .spectra import KernelSpectrum as KernelSpectrum
from .spectra import asymptotic_spectrum as asymptotic_spectrum
from .spectra import dropout_condition_number as dropout_condition_number
from .spectra import kernel_spectrum as kernel_spectrum
from .spectra import log_mean_predictor as log_mean_predictor
from .spectra import mean_predictor as mean_predictor
from .student_means import student_mean_cdf as student_mean_cdf
from .tabulated import TabulatedErrorDensity as TabulatedErrorDensity
from .trends import InteriorPeak as InteriorPeak
from .trends import Monotone as Monotone
from .two_points import TwoPointKernels as TwoPointKernels
from .two_points import two_point_kernels as two_point_kernels
from .worlds import World as World
