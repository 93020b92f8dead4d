"""Small networks, traces and mappings to test a simulation with: legal, random, and quick to make."""

from __future__ import annotations

from typing import Any

import numpy as np

from spikemesh.hardware import Hardware
from spikemesh.mapping.mapping import Mapping
from spikemesh.network import SpikeTrace, SpikingNetwork

__all__ = ["block_mapping", "layered_network", "random_mapping", "random_network", "random_trace"]


def layered_network(seed: int = 0, sizes: tuple[int, ...] = (12, 14, 6), bias: float = 0.05, **more: Any) -> SpikingNetwork:
    """Dense layers with random weights; the bias makes every neuron fire now and then. ``more`` goes to the network."""
    rng = np.random.default_rng(seed)
    starts = np.cumsum([0, *sizes])
    pres, posts = [], []
    for k in range(len(sizes) - 1):
        grid = np.meshgrid(np.arange(starts[k], starts[k + 1]), np.arange(starts[k + 1], starts[k + 2]), indexing="ij")
        pres.append(grid[0].ravel())
        posts.append(grid[1].ravel())
    pre, post = np.concatenate(pres), np.concatenate(posts)
    weight = rng.normal(0.08, 0.2, len(pre))
    return SpikingNetwork.from_edges(pre, post, weight, sizes, bias=np.full(sum(sizes), bias), **more)


def random_network(seed: int, n: int = 24, n_synapses: int = 80) -> SpikingNetwork:
    """Any graph: recurrent, with self-loops and parallel synapses. The first third are inputs, which no synapse reaches."""
    rng = np.random.default_rng(seed)
    third = n // 3
    pre, post = rng.integers(0, n, n_synapses), rng.integers(third, n, n_synapses)
    return SpikingNetwork.from_edges(pre, post, rng.normal(0, 0.5, n_synapses), (third, n - third))


def random_trace(seed: int, network: SpikingNetwork, n_samples: int = 2, n_steps: int = 6, rate: float = 0.4) -> SpikeTrace:
    """Every neuron fires in every step with probability ``rate``, whatever its synapses say."""
    rng = np.random.default_rng(seed)
    sample, step, neuron = np.nonzero(rng.random((n_samples, n_steps, network.n_neurons)) < rate)
    return SpikeTrace.of(
        sample,
        step * network.dt_ms,
        neuron,
        n_samples=n_samples,
        n_neurons=network.n_neurons,
        duration_ms=n_steps * network.dt_ms,
        dt_ms=network.dt_ms,
    )


def random_mapping(seed: int, network: SpikingNetwork, hw: Hardware, n_clusters: int = 5, inputs_off: bool = False) -> Mapping:
    """Neurons in random clusters on random tiles; ``inputs_off`` keeps the inputs off chip."""
    rng = np.random.default_rng(seed)
    assignment = rng.integers(0, n_clusters, network.n_neurons).astype(np.int32)
    if inputs_off:
        assignment[network.input_ids] = -1
    return Mapping(network, hw, assignment, rng.permutation(hw.n_tiles)[:n_clusters].astype(np.int32))


def block_mapping(network: SpikingNetwork, hw: Hardware, size: int = 4) -> Mapping:
    """Clusters of ``size`` neurons in order of index, on tiles in order of index."""
    assignment = (np.arange(network.n_neurons) // size).astype(np.int32)
    return Mapping(network, hw, assignment, np.arange(assignment.max() + 1, dtype=np.int32))
