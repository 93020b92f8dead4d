"""One sample, one step at a time: the network's side of the closed loop.

The caller decides when a weight arrives: it adds up what arrives for a step and hands the sum to :meth:`Stepper.step`. With
every spike of step k acting in step k + 1 the result is that of Brian2, spike for spike.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spikemesh.errors import SimulationError
from spikemesh.network.dynamics import (
    Neurons,
    check_encoding,
    encode_inputs,
    grid_weights,
    poisson_generator,
    predict,
    to_grid,
)
from spikemesh.network.network import SpikingNetwork
from spikemesh.spiking.kernels import accumulate_entries, advance

__all__ = ["Drive", "Stepper", "accumulate"]


class Stepper:
    """The neurons of one sample.

    Parameters
    ----------
    network : its synapses are not used; whoever calls ``step`` delivers them.
    input_sample : n_inputs values in [0, 1], of any shape.
    encoding : "constant" (pixel i is an integrate-and-fire neuron with that current) or "poisson" (it spikes with that
        probability a step).
    seed, sample_index : of the Poisson draw; the same pair gives the same input spikes in every engine.

    Raises
    ------
    SimulationError
        for inputs that do not fit, an unknown encoding, a negative seed.
    """

    def __init__(
        self,
        network: SpikingNetwork,
        input_sample: ArrayLike,
        encoding: str = "constant",
        seed: int = 0,
        sample_index: int = 0,
    ) -> None:
        check_encoding(encoding)
        self._neurons = neurons = Neurons.of(network)
        self._sample = encode_inputs(network, np.asarray(input_sample)[None])[0]
        self._current = neurons.currents(self._sample, encoding)
        self._generator = poisson_generator(seed, sample_index) if encoding == "poisson" else None
        self._no_draw = np.empty(0, bool)
        self._ready = np.zeros(neurons.n, np.int64)
        self._fired = np.empty(neurons.n, np.int32)
        self._potential = neurons.initial_potential.copy()
        self._counts = np.zeros(neurons.n, np.int64)
        self._step = 0

    def step(self, drive: NDArray[np.float64]) -> NDArray[np.int32]:
        """Takes the next step; returns the neurons that fire in it, int32, ascending.

        drive : (n_neurons,) float64, the sum of the weights that arrive for this step, weights on the grid
            (:func:`spikemesh.network.dynamics.grid_weights`). It is read, not changed.
        """
        if drive.shape != self._potential.shape or drive.dtype != np.float64:
            raise SimulationError(f"drive must be ({len(self._potential)},) float64, not {drive.shape} {drive.dtype}")
        n = self._neurons
        drawn = self._no_draw if self._generator is None else self._generator.random(len(n.inputs)) < self._sample
        count = advance(
            self._step,
            self._potential,
            drive,
            self._current,
            n.inputs,
            drawn,
            n.subtract,
            n.refractory_steps,
            self._ready,
            self._fired,
        )
        self._step += 1
        fired = self._fired[:count].copy()
        self._counts[fired] += 1
        return fired

    @property
    def n_steps(self) -> int:
        """Steps taken so far; the next one has this number."""
        return self._step

    @property
    def potential(self) -> NDArray[np.float64]:
        """(n_neurons,) float64 membrane potential after the last step, in units of the threshold (a copy)."""
        return self._potential.copy()

    @property
    def counts(self) -> NDArray[np.int64]:
        """(n_neurons,) int64 spikes so far (a copy)."""
        return self._counts.copy()

    @property
    def output_potential(self) -> NDArray[np.float64]:
        """(n_outputs,) float64 membrane potential of the outputs."""
        return self._potential[self._neurons.outputs]

    def prediction(self) -> int:
        """Index within the outputs: most spikes so far, ties by potential, then by lower index; -1 without outputs."""
        out = self._neurons.outputs
        return int(predict(self._counts[None, out], self._potential[None, out])[0])


def accumulate(
    drive: NDArray[np.float64],
    post: NDArray[np.int32],
    weight: NDArray[np.float64],
    starts: NDArray[np.int64],
    entries: NDArray[np.integer],
) -> None:
    """Adds the weights behind some axon entries to ``drive``, in place.

    drive : (n_neurons,) float64. post, weight : (n_held,) int32, float64, synapses in the order of the entries.
    starts : (n_entries + 1,) int64; entry k has synapses starts[k] ... starts[k + 1] - 1. entries : (m,) integers, the entries
    that arrive; one that stands twice counts twice.
    """
    accumulate_entries(drive, post, weight, starts, entries)


class Drive:
    """Synapses in the order of axon entries, for :func:`accumulate`.

    Parameters
    ----------
    network : supplies targets and weights; weights go to the grid.
    starts, order : (n_entries + 1,) and (n_held,) int64 as in ``spikemesh.mapping.mapping.Axons``: entry k stands for
        ``network.synapses[order[starts[k]:starts[k + 1]]]``.
    weight : (n_synapses,) other weights than the network's, if given.

    Raises
    ------
    SimulationError
        where starts and order contradict each other or the network.
    """

    def __init__(self, network: SpikingNetwork, starts: ArrayLike, order: ArrayLike, weight: ArrayLike | None = None) -> None:
        starts, order = np.asarray(starts, np.int64), np.asarray(order, np.int64)
        n = network.n_synapses
        if starts.ndim != 1 or not len(starts) or starts[0] != 0 or starts[-1] != len(order) or (np.diff(starts) < 0).any():
            raise SimulationError(f"starts must rise from 0 to the {len(order)} synapses of order")
        if len(order) and (order.min() < 0 or order.max() >= n):
            raise SimulationError(f"order names synapses outside 0..{n - 1}")
        weights = grid_weights(network) if weight is None else to_grid(weight)
        if weights.shape != (n,):
            raise SimulationError(f"weight must be one a synapse: shape {weights.shape} for {n} synapses")
        self.n_neurons = network.n_neurons
        self.starts = starts
        self.post = network.synapses.post[order]
        self.weight = weights[order]

    def zeros(self) -> NDArray[np.float64]:
        """An empty drive: (n_neurons,) float64."""
        return np.zeros(self.n_neurons)

    def accumulate(self, drive: NDArray[np.float64], entries: NDArray[np.integer]) -> None:
        """Adds the weights behind ``entries`` to ``drive``, in place."""
        accumulate_entries(drive, self.post, self.weight, self.starts, entries)
