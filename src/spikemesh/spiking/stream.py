"""A network that runs on while its inputs change: signals over time, and tasks in which the outputs act on the inputs."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spikemesh.errors import SimulationError
from spikemesh.network.dynamics import Neurons, to_grid
from spikemesh.network.network import SpikingNetwork
from spikemesh.spiking.kernels import State, run_changing
from spikemesh.spiking.plan import Plan

__all__ = ["Stream"]


class Stream:
    """One run of a network, from its reset state, for as long as it is asked on.

    The neuron is that of every engine; with the same current in every step the spikes are those of ``run_layered``.

    Parameters
    ----------
    network : of any kind, also recurrent.
    """

    def __init__(self, network: SpikingNetwork) -> None:
        self._neurons = Neurons.of(network)
        self._plan = Plan.of(network)
        self._step = 0
        self._start()

    def _start(self) -> None:
        n = self._neurons
        self._state = State(
            n.initial_potential.copy(), np.zeros(n.n), np.zeros(n.n, np.int64), np.empty(n.n, np.int32), np.zeros(n.n, np.int64)
        )

    @property
    def n_steps(self) -> int:
        """Steps taken so far."""
        return self._step

    @property
    def potential(self) -> NDArray[np.float64]:
        """(n_neurons,) float64 membrane potential after the last step (a copy)."""
        return self._state.potential.copy()

    def run(self, currents: ArrayLike, bin_steps: int | None = None) -> NDArray[np.int64]:
        """Take one step for each row of ``currents``; returns (n_bins, n_neurons) int64 spike counts.

        Parameters
        ----------
        currents : (n_steps, n_inputs) finite numbers, current of each input neuron in each step, in units of the threshold.
        bin_steps : steps that are counted together, a divisor of n_steps; by default all.

        Raises
        ------
        SimulationError
            for another shape, values that are no numbers, or bins that do not fit.
        """
        rows = np.asarray(currents, np.float64)
        n_inputs = len(self._neurons.inputs)
        if rows.ndim != 2 or rows.shape[1] != n_inputs or not len(rows) or not np.isfinite(rows).all():
            raise SimulationError(f"currents must be finite numbers, (n_steps, {n_inputs}), not {rows.shape}")
        bin_steps = len(rows) if bin_steps is None else bin_steps
        if bin_steps < 1 or len(rows) % bin_steps:
            raise SimulationError(f"bin_steps must divide the {len(rows)} steps, not {bin_steps}")
        n, counts = self._neurons, []
        rows = to_grid(rows)
        for at in range(0, len(rows), bin_steps):
            self._state.counts[:] = 0
            run_changing(
                self._step, self._plan, self._state, n.bias, n.inputs, rows[at : at + bin_steps], n.subtract, n.refractory_steps
            )
            self._step += bin_steps
            counts.append(self._state.counts.copy())
        return np.array(counts)
