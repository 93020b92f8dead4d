"""What a workload is, and the list of all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spikemesh.errors import NetworkError
from spikemesh.network import SpikingNetwork
from spikemesh.workloads.datasets import Dataset, load_dataset
from spikemesh.workloads.readout import ReadoutRecipe
from spikemesh.workloads.topology import Topology
from spikemesh.workloads.training import Recipe

if TYPE_CHECKING:
    from spikemesh.workloads.outcome import Outcome, Progress
    from spikemesh.workloads.prepare import Prepared

__all__ = ["Workload", "catalogue", "find"]


@dataclass(frozen=True)
class Workload:
    """One benchmark network.

    name : as the papers call it. source : paper and table. verdict : how far our network is the paper's, in words
    that begin with "exact", "digits" (equal to all digits that the paper prints), "stand-in" or "own". table :
    neurons and synapses that the paper prints. neurons, synapses : ours, counted as the design says. build : (seed)
    -> network with drawn weights. topology : its layer list, where it has one. dataset, margin : the data set to
    train on, and zero pixels around its samples. recipe : None where it is not trained. auto : whether weights="auto"
    trains it. prune_to : synapses left, where the paper's network is a pruned one. prune_share : of the weights that retraining
    takes out before that. samples : (n, seed) -> inputs, where there is no data set. run : (prepared, n, seed, progress) ->
    Outcome on its data, where that is more than classifying a test set. learn : (dataset, seed, progress) ->
    network with weights learned without labels, whose outputs are no classes.
    """

    name: str
    source: str
    verdict: str
    table: str
    neurons: int
    synapses: int
    build: Callable[[int], SpikingNetwork]
    topology: Topology | None = None
    dataset: str | None = None
    margin: int = 0
    recipe: Recipe | ReadoutRecipe | None = None
    trained_as: str | None = None
    auto: bool = True
    prune_to: int | None = None
    prune_share: float | None = None
    samples: Callable[[int, int], NDArray[np.float32]] | None = None
    run: Callable[[Prepared, int | None, int, Progress], Outcome] | None = None
    learn: Callable[[Dataset, int, Progress], SpikingNetwork] | None = None

    @property
    def trains(self) -> bool:
        """Whether it has trained weights, where its data are at hand."""
        return self.recipe is not None or self.learn is not None

    @property
    def classifies(self) -> bool:
        """Whether its outputs, trained, are the classes of its data."""
        return self.recipe is not None

    def load(self, seed: int = 0) -> Dataset | None:
        """Its data set, or None where it has none. Raises DataError where the files are missing."""
        if self.dataset is None:
            return None
        found = load_dataset(self.dataset, seed)
        return found.padded(self.margin) if self.margin else found

    @classmethod
    def layered(cls, name: str, topology: Topology, **more: Any) -> Workload:
        """A workload from a layer list."""
        return cls(name=name, topology=topology, build=lambda seed: topology.drawn(name, seed), **more)


@lru_cache(maxsize=1)
def catalogue() -> dict[str, Workload]:
    """Every workload by its name: ours, then those of the GPA paper, then those of the decomposition paper."""
    from spikemesh.workloads import cifar, digits, grids, large, mnist, pruned_cnns, reservoirs, synthetic

    families = (digits, synthetic, mnist, cifar, large, grids, pruned_cnns, reservoirs)
    return {w.name: w for family in families for w in family.WORKLOADS}


def find(name: str) -> Workload:
    """A workload by its name. Raises NetworkError, with the names there are, for an unknown one."""
    known = catalogue()
    if name not in known:
        close = [n for n in known if n.lower() == str(name).lower()]
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise NetworkError(f"unknown workload {name!r}{hint}; there are {', '.join(known)}")
    return known[name]
