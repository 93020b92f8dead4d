"""The project's own partitioner for clusters of crossbar size: ``partition(method="auto")``.

:func:`ours` is its one entry; compiled modules load when it is first called.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["ours"]


def ours(
    indptr: NDArray[np.int64],
    post: NDArray[np.int32],
    omega: NDArray[np.float64],
    rates: NDArray[np.float64],
    *,
    capacity: int,
    n_clusters: int,
    axons: int | None = None,
    n: int | None = None,
    objective: str = "packets",
    effort: str = "fast",
    seed: int = 0,
) -> NDArray[np.int32]:
    """Clusters of at most ``capacity`` neurons that send few packets, or keep much weight inside.

    Parameters
    ----------
    indptr : (n_sources + 1,) int64, post : (n_synapses,) int32 : targets of source i are post[indptr[i]:indptr[i + 1]].
    omega : (n_synapses,) float64, weight of each synapse. rates : (n_sources,) float64, Hz.
    n_clusters : how many to make, at least ceil(n / capacity).
    axons : distinct sources that may feed one cluster; it can force more clusters.
    n : neurons to assign, the first of the sources; all by default. The others are off the chip and only take axons.
    objective : "packets": sum of rate_i * (other clusters that hold a target of i); "inter-weight": sum of omega between clusters.
    effort : "fast" or "quality": how many exchanges are tried. Both depend on sizes alone, never on the clock.

    Returns
    -------
    (n,) int32 cluster of each neuron; the same for the same arguments.
    """
    rates = np.asarray(rates, np.float64)
    n_sources = len(rates)
    n = n_sources if n is None else n
    from spikemesh.mapping.partition.ours.nets import fold

    if objective == "packets":
        from spikemesh.mapping.partition.ours.packets import fewest_packets

        on_chip = np.where(np.arange(n_sources) < n, rates, 0.0)  # packets from off the chip do not cross the mesh
        nets = fold(indptr, post, on_chip, n, keep_silent=axons is not None)
        return fewest_packets(nets, capacity, n_clusters, effort, seed, axons)
    from spikemesh.mapping.partition.ours.graph import symmetric
    from spikemesh.mapping.partition.ours.grow import clusters
    from spikemesh.mapping.partition.ours.weight import most_weight

    graph = symmetric(indptr, post, omega, n)
    start = clusters(fold(indptr, post, np.ones(n_sources), n), capacity, price=0.9, senders_too=True)
    return most_weight(graph, start, capacity, n_clusters, effort, seed)
