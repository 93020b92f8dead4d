"""The project's own partitioner against every partition there is, on graphs small enough to list them."""

import numpy as np
import pytest

from spikemesh.mapping.partition.partition import partition
from spikemesh.network import SpikingNetwork


def all_partitions(n, k, capacity):
    """(n_partitions, n) clusters; clusters are numbered in the order of their first neurons."""
    found, part, size = [], [0] * n, [0] * k

    def extend(i, used):
        if i == n:
            found.append(part.copy())
            return
        for c in range(min(used + 1, k)):
            if size[c] < capacity:
                size[c] += 1
                part[i] = c
                extend(i + 1, max(used, c + 1))
                size[c] -= 1

    extend(0, 0)
    return np.array(found)


def least_packets(parts, pre, post, rates):
    """Packets/s of the best of ``parts``, counted neuron by neuron."""
    total, rows = np.zeros(len(parts)), np.arange(len(parts))
    for i, rate in enumerate(rates):
        reached = np.zeros((len(parts), parts.max() + 1), bool)
        for j in post[pre == i]:
            reached[rows, parts[:, j]] = True
        reached[rows, parts[:, i]] = False
        total += rate * reached.sum(1)
    return total.min()


def least_weight(parts, pre, post, omega):
    """Weight between the clusters of the best of ``parts``."""
    return min(omega[part[pre] != part[post]].sum() for part in parts)


def gaps(seeds):
    """{objective: share by which "quality" is above the best partition, for each random graph of at most 10 neurons}."""
    found, listed = {"packets": [], "inter-weight": []}, {}
    for seed in seeds:
        rng = np.random.default_rng(seed)
        n = int(rng.integers(3, 11))
        capacity = int(rng.integers(2, n))
        linked = rng.random((n, n)) < rng.uniform(0.1, 0.7)
        kind = rng.integers(3)  # any graph; no self-loops; none backward
        linked = linked if kind == 0 else linked & ~np.eye(n, dtype=bool) if kind == 1 else np.triu(linked, 1)
        pre, post = np.nonzero(linked)
        rates, weight = rng.exponential(1.0, n), rng.normal(size=len(pre))
        net = SpikingNetwork.from_edges(pre, post, weight, n_neurons=n, input_ids=np.arange(0))
        shape = (n, -(-n // capacity), capacity)
        parts = listed.setdefault(shape, all_partitions(*shape))
        best = {
            "packets": least_packets(parts, pre, post, rates),
            "inter-weight": least_weight(parts, pre, post, rates[pre] * np.abs(weight)),
        }
        for objective, least in best.items():
            part = partition(net, rates, objective=objective, effort="quality", capacity=capacity, seed=seed)
            reached = part.packets if objective == "packets" else part.inter_weight
            assert reached >= least * (1 - 1e-9)
            assert part.sizes.max() <= capacity
            assert part.n_clusters == shape[1]
            found[objective].append((reached - least) / least if least > 1e-9 else float(reached > 1e-9))
    return found


def check(found):
    for objective, gap in found.items():
        assert np.mean(np.array(gap) < 1e-6) >= 0.95, objective
        assert max(gap) <= 0.05, objective


def test_quality_is_optimal_on_small_graphs():
    check(gaps(range(20)))


@pytest.mark.slow
def test_quality_is_optimal_on_two_hundred_small_graphs():
    check(gaps(range(200)))
