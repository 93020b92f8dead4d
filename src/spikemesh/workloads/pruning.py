"""Magnitude pruning: the decomposition paper prunes its networks before it maps them (its reference 4)."""

from __future__ import annotations

import numpy as np

from spikemesh.errors import NetworkError
from spikemesh.network import Edges, OneToOne, Pooling, SpikingNetwork

__all__ = ["pruned"]


def pruned(network: SpikingNetwork, n_synapses: int) -> SpikingNetwork:
    """The network with ``n_synapses`` synapses left: pooling and one-to-one ones, and the largest of the others.

    A weight counts by its magnitude relative to the root mean square of its projection, so that no layer is cut off because
    its weights are small. Ties go to the lower (pre, post).

    Raises
    ------
    NetworkError
        where there are fewer synapses than that, or more pooling synapses alone.
    """
    parts, scores = [], []
    for p in network.projections:
        edges = p.edges()
        fixed = isinstance(p.connectivity, Pooling | OneToOne)
        spread = float(np.sqrt(np.mean(np.square(edges.weight, dtype=np.float64)))) if len(edges) else 0.0
        parts.append(edges)
        scores.append(np.full(len(edges), np.inf) if fixed or not spread else np.abs(edges.weight) / spread)
    pre, post, weight = (np.concatenate([getattr(e, name) for e in parts]) for name in ("pre", "post", "weight"))
    score = np.concatenate(scores)
    least = int(np.isinf(score).sum())
    if not least <= n_synapses <= len(score):
        raise NetworkError(f"{network.name} can be pruned to {least}..{len(score)} synapses, not to {n_synapses}")
    bar = np.partition(score, len(score) - n_synapses)[len(score) - n_synapses] if n_synapses else np.inf
    keep = score > bar
    ties = np.flatnonzero(score == bar)
    ties = ties[np.lexsort((post[ties], pre[ties]))]
    keep[ties[: n_synapses - int(keep.sum())]] = True
    left = Edges.sorted(pre[keep], post[keep], weight[keep])
    return network.with_synapses(left.pre, left.post, left.weight)
