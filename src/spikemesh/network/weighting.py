"""The weight of a synapse in the SNN graph: what partitioners keep inside a cluster."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spikemesh.errors import NetworkError
from spikemesh.network.network import SpikingNetwork

__all__ = ["WEIGHTINGS", "edge_weights"]

WEIGHTINGS = ("rate_weight", "rate", "abs_weight", "signed", "count")


def edge_weights(
    network: SpikingNetwork, rates_hz: NDArray[np.float64] | None = None, weighting: str = "rate_weight"
) -> NDArray[np.float64]:
    """omega_ij of every synapse i -> j, in the order of ``network.synapses``.

    Parameters
    ----------
    rates_hz : (n_neurons,) firing rate of each neuron; needed by the weightings that use it.
    weighting : "rate_weight" rate_i * abs(w_ij) (the SNN graph of the GPA paper, section III-A), "rate" rate_i,
        "abs_weight" abs(w_ij), "signed" rate_i * w_ij, "count" 1.

    Returns
    -------
    (n_synapses,) float64, in Hz where rates enter.

    Raises
    ------
    NetworkError
        for an unknown weighting or rates that do not fit.
    """
    if weighting not in WEIGHTINGS:
        raise NetworkError(f"weighting must be one of {', '.join(WEIGHTINGS)}, not {weighting!r}")
    synapses = network.synapses
    if weighting == "count":
        return np.ones(len(synapses))
    if weighting == "abs_weight":
        return np.abs(synapses.weight).astype(np.float64)
    rates = checked_rates(network, rates_hz)[synapses.pre]
    if weighting == "rate":
        return rates
    weight = synapses.weight if weighting == "signed" else np.abs(synapses.weight)
    return rates * weight


def checked_rates(network: SpikingNetwork, rates_hz: NDArray[np.float64] | None) -> NDArray[np.float64]:
    """The rates as (n_neurons,) float64; a NetworkError where they are missing, negative or of another length."""
    if rates_hz is None:
        raise NetworkError("this weighting needs rates_hz, one rate a neuron")
    rates = np.asarray(rates_hz, np.float64)
    if rates.shape != (network.n_neurons,) or not np.isfinite(rates).all() or (rates < 0).any():
        raise NetworkError(f"rates_hz must be {network.n_neurons} finite numbers >= 0, one a neuron")
    return rates
