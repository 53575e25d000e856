"""The random order in which each network sees its examples: a function of seed, network and epoch alone."""

from __future__ import annotations

import torch
from torch import Tensor

# splitmix64 (Steele, Lea & Flood 2014): its increment and its two multipliers, as signed 64-bit integers
_INCREMENT, _FIRST, _SECOND = (
    c - (1 << 64) if c >= 1 << 63 else c for c in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
)


def _shifted(value: Tensor, bits: int) -> Tensor:
    # a shift to the right that fills up with zeros: integers here have a sign
    return (value >> bits) & ((1 << (64 - bits)) - 1)


def _mixed(value: Tensor) -> Tensor:
    value = value + _INCREMENT
    value = (value ^ _shifted(value, 30)) * _FIRST
    value = (value ^ _shifted(value, 27)) * _SECOND
    return value ^ _shifted(value, 31)


def batch_order(networks: Tensor, *, examples: int, epoch: int, seed: int) -> Tensor:
    """A random order of the examples for each network.

    Made by hashing instead of by a generator with a state, so that a network's orders do not depend on which
    other networks are still trained beside it, nor on the device.

    Parameters
    ----------
    networks : Tensor of int64, shape (networks,)
        Numbers of the networks.
    examples, epoch, seed : int

    Returns
    -------
    Tensor of int64, shape (networks, examples)
        A permutation in each row.
    """
    # seeds may be larger than the integers here
    stream = _mixed(_mixed(seed % (1 << 63) + networks) + epoch)
    keys = _mixed(stream[:, None] + torch.arange(examples, device=networks.device))
    return keys.argsort(dim=1, stable=True)
