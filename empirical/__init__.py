"""The same measurements on images and on networks.

What needs torch is loaded when it is first asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .architectures import Architecture as Architecture
from .architectures import Convolution as Convolution
from .architectures import parse_architecture as parse_architecture
from .images import ImageSet as ImageSet
from .images import load_images as load_images
from .tasks import ClassificationTask as ClassificationTask
from .tasks import PointSplit as PointSplit
from .tasks import classification_task as classification_task
from .tasks import split_points as split_points

if TYPE_CHECKING:
    from .batch_normalized import BatchNormalizedTraining as BatchNormalizedTraining
    from .batch_normalized import train_batch_normalized as train_batch_normalized
    from .corrupted_start import train_from_corrupted as train_from_corrupted
    from .curvature import NetworkCurvature as NetworkCurvature
    from .curvature import measure_curvature as measure_curvature
    from .gradient_flow import ScaledFlow as ScaledFlow
    from .gradient_flow import train_by_gradient_flow as train_by_gradient_flow
    from .guessing import guess_and_check as guess_and_check
    from .kernel_fluctuation import KernelFluctuation as KernelFluctuation
    from .kernel_fluctuation import measure_kernel_fluctuation as measure_kernel_fluctuation
    from .kernel_maps import kernel_phase_map as kernel_phase_map
    from .kernels import convolutional_kernels as convolutional_kernels
    from .limit_kernel import limit_tangent_kernel as limit_tangent_kernel
    from .long_training import LongTraining as LongTraining
    from .long_training import train_long as train_long
    from .minima_comparison import MinimaComparison as MinimaComparison
    from .minima_comparison import compare_minima as compare_minima
    from .module_network import ModuleNetwork as ModuleNetwork
    from .network_family import NetworkFamily as NetworkFamily
    from .network_maps import network_phase_map as network_phase_map
    from .networks import BatchedNetwork as BatchedNetwork
    from .networks import Network as Network
    from .phase_map import PhaseMap as PhaseMap
    from .prior_draws import prior_errors as prior_errors
    from .priors import Prior as Prior
    from .tangent_kernel import empirical_tangent_kernel as empirical_tangent_kernel
    from .trained_networks import TrainedNetworks as TrainedNetworks
    from .training import train_networks as train_networks
    from .training_change import TrainingChange as TrainingChange
    from .training_change import measure_training_change as measure_training_change
    from .width_ensemble import WidthEnsemble as WidthEnsemble
    from .width_measures import WidthMeasures as WidthMeasures
    from .width_measures import measure_width as measure_width
    from .width_sweep import WidthSweep as WidthSweep
    from .width_sweep import ZeroLossThreshold as ZeroLossThreshold
    from .width_sweep import sweep_widths as sweep_widths
    from .width_sweep import zero_loss_threshold as zero_loss_threshold
    from .width_training import WidthProtocol as WidthProtocol
    from .width_training import train_width as train_width

_LATER = {
    "BatchNormalizedTraining": "batch_normalized",
    "BatchedNetwork": "networks",
    "KernelFluctuation": "kernel_fluctuation",
    "LongTraining": "long_training",
    "MinimaComparison": "minima_comparison",
    "ModuleNetwork": "module_network",
    "Network": "networks",
    "NetworkCurvature": "curvature",
    "NetworkFamily": "network_family",
    "PhaseMap": "phase_map",
    "Prior": "priors",
    "ScaledFlow": "gradient_flow",
    "TrainedNetworks": "trained_networks",
    "TrainingChange": "training_change",
    "WidthEnsemble": "width_ensemble",
    "WidthMeasures": "width_measures",
    "WidthProtocol": "width_training",
    "WidthSweep": "width_sweep",
    "ZeroLossThreshold": "width_sweep",
    "compare_minima": "minima_comparison",
    "convolutional_kernels": "kernels",
    "empirical_tangent_kernel": "tangent_kernel",
    "guess_and_check": "guessing",
    "kernel_phase_map": "kernel_maps",
    "limit_tangent_kernel": "limit_kernel",
    "measure_curvature": "curvature",
    "measure_kernel_fluctuation": "kernel_fluctuation",
    "measure_training_change": "training_change",
    "measure_width": "width_measures",
    "network_phase_map": "network_maps",
    "prior_errors": "prior_draws",
    "sweep_widths": "width_sweep",
    "train_batch_normalized": "batch_normalized",
    "train_by_gradient_flow": "gradient_flow",
    "train_from_corrupted": "corrupted_start",
    "train_long": "long_training",
    "train_networks": "training",
    "train_width": "width_training",
    "zero_loss_threshold": "width_sweep",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})
