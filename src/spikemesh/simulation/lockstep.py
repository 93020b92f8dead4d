"""One sample of the closed loop: step the network, run the mesh for the step, let act what has been read."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spikemesh.simulation.lower import Wiring
from spikemesh.simulation.program import Chip, Flow, Session

if TYPE_CHECKING:
    from spikemesh.spiking.stepper import Drive, Stepper

__all__ = ["Lockstep"]


class Lockstep:
    """One sample: the network and the chip, step by step.

    drive : the synapses in the order of the mapping's axon entries. stepper : the neurons of the sample. new_session : makes
    an empty chip. drop : late rows never act, instead of acting in a later step.
    """

    def __init__(
        self,
        wiring: Wiring,
        drive: Drive,
        stepper: Stepper,
        new_session: Callable[[Chip], Session],
        drop: bool = False,
    ) -> None:
        self.wiring = wiring
        self.cycles = wiring.cycles_per_step
        self.drive = drive
        self.stepper = stepper
        self.new_session = new_session
        self.session = new_session(wiring.chip)
        self.drop = drop
        self.instant = wiring.chip.row_cycles == 0 and wiring.chip.op_cycles == 0
        self.steps: list[NDArray[np.int64]] = []  # of each spike so far
        self.neurons: list[NDArray[np.int32]] = []
        self.entries = {False: Ledger(), True: Ledger()}  # own? -> axon entry of each row
        self.fired_in = {False: Ledger(), True: Ledger()}  # own? -> step in which its spike fired
        self.arriving: dict[int, list[NDArray[np.int64]]] = {}  # step -> axon entries that act in it
        self.in_flight = 0

    def run(self, n_steps: int) -> tuple[NDArray[np.int64], NDArray[np.int32], Flow]:
        """The spikes, as (n_spikes,) steps and neurons in order of firing, and what became of their rows."""
        for step in range(n_steps):
            self.collect(step)
            drive = self.drive.zeros()
            for entries in self.arriving.pop(step, ()):
                self.drive.accumulate(drive, entries)
            self.fire(step, self.stepper.step(drive))
        self.session.advance()
        return *self.spikes(), self.session.flow()

    def spikes(self) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        return np.concatenate(self.steps), np.concatenate(self.neurons)

    def fire(self, step: int, neurons: NDArray[np.int32]) -> None:
        """Puts a step's spikes on the chip."""
        steps = np.full(len(neurons), step, np.int64)
        self.steps.append(steps)
        self.neurons.append(neurons)
        traffic, entries, own_entries = self.wiring.spikes(steps * self.cycles, neurons)
        self.session.push(traffic)
        for own, rows in ((False, entries), (True, own_entries)):
            self.entries[own].extend(rows)
            self.fired_in[own].extend(np.full(len(rows), step, np.int64))
            self.in_flight += len(rows)

    def collect(self, step: int) -> None:
        """Before a step: whatever the crossbars have read by its first cycle may act in it."""
        self.session.advance(step * self.cycles)
        if not self.in_flight:
            return
        rows, own, row_read = self.session.take_delivered()
        self.in_flight -= len(rows)
        self.schedule(rows, own, row_read)
        if self.instant and self.in_flight:
            self.schedule(*self.read_in_this_cycle(step))

    def schedule(self, rows: NDArray[np.int64], own: NDArray[np.bool_], row_read: NDArray[np.int64]) -> None:
        """Notes in which step each row acts: the first that starts at or after its reading."""
        for side in (False, True):
            mine = rows[own == side]
            entries, due = self.entries[side].values[mine], self.fired_in[side].values[mine] + 1
            step = np.maximum(due, -(-row_read[own == side] // self.cycles))
            if self.drop:
                entries, step = entries[step == due], step[step == due]
            for k in np.unique(step).tolist():
                self.arriving.setdefault(k, []).append(entries[step == k])

    def read_in_this_cycle(self, step: int) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.int64]]:
        """Remote rows read in the very cycle in which ``step`` fires, on a chip whose crossbars take no time.

        The session cannot simulate that cycle before it has the step's spikes, and the step cannot fire before it knows these
        rows. Its spikes cannot touch them, though: they leave by other outputs. So a second chip runs the past again, and on
        through this cycle; the session will offer these rows once more, for a step that is then over. Crossbars that take a
        cycle at least have begun to read such rows before, and never need this.
        """
        now = step * self.cycles
        scout = self.new_session(self.wiring.chip)
        steps, neurons = self.spikes()
        scout.push(self.wiring.spikes(steps * self.cycles, neurons)[0])
        scout.advance(now + 1)
        rows, own, row_read = scout.take_delivered()
        new = ~own & (row_read == now)
        return rows[new], own[new], row_read[new]


class Ledger:
    """An int64 array that grows; ``values`` is what it holds."""

    def __init__(self) -> None:
        self.store = np.empty(1024, np.int64)
        self.length = 0

    @property
    def values(self) -> NDArray[np.int64]:
        return self.store[: self.length]

    def extend(self, more: NDArray[np.int64]) -> None:
        end = self.length + len(more)
        if end > len(self.store):
            self.store = np.concatenate([self.values, np.empty(max(end, len(self.store)), np.int64)])
        self.store[self.length : end] = more
        self.length = end
