"""What the papers predict: formulas only (numpy and scipy)."""

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
from .perceptrons import PERCEPTRON_ANNEALED_PREFACTOR as PERCEPTRON_ANNEALED_PREFACTOR
from .perceptrons import PERCEPTRON_BAYES_PREFACTOR as PERCEPTRON_BAYES_PREFACTOR
from .perceptrons import PERCEPTRON_GIBBS_PREFACTOR as PERCEPTRON_GIBBS_PREFACTOR
from .perceptrons import perceptron_annealed_error as perceptron_annealed_error
from .perceptrons import perceptron_annealed_log_fraction as perceptron_annealed_log_fraction
from .perceptrons import perceptron_bayes_error as perceptron_bayes_error
from .perceptrons import perceptron_gibbs_error as perceptron_gibbs_error
from .perceptrons import perceptron_log_fraction as perceptron_log_fraction
from .perceptrons import perceptron_overlap as perceptron_overlap
