"""Image processing on grids of neurons: ImgSmooth and EdgeDet (decomposition paper, Table I), graph_edgedet (GPA
paper, Table II).

A 64x64 image feeds a grid of 32x32 through Gaussian receptive fields, as CARLsim's "gaussian" connection makes them:
presynaptic coordinates are scaled to the postsynaptic grid, and a pair is joined where d = |difference|^2 / radius^2
has exp(-2.3026 d) >= 0.1. As 2.3026 is a little more than ln 10, d = 1 itself is left out. Edge detection takes the
difference of a narrow and a wide field.

The applications run in CARLsim with Izhikevich neurons; here they are integrate-and-fire neurons, their weights such that a
neuron's rate is the Gaussian mean of its field, and an edge's rate four times the difference of two means.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spikemesh.network import Layer, OneToOne, Projection, Sparse, SpikingNetwork
from spikemesh.workloads.catalogue import Workload

if TYPE_CHECKING:
    from spikemesh.workloads.outcome import Outcome, Progress
    from spikemesh.workloads.prepare import Prepared

__all__ = ["WORKLOADS", "edge_detection", "gaussian_grid", "photographs", "smoothing"]

DECAY = 2.3026
LEAST = 0.1
CONTRAST = 4.0


def gaussian_grid(n_in: int, n_out: int, radius: float) -> Sparse:
    """Gaussian receptive fields from an n_in x n_in grid to an n_out x n_out grid.

    Weights fall off as exp(-2.3026 d) and are scaled so that those of a field add up to 1. Source: CARLsim 4, function
    connectGaussian and its receptive field distance.
    """
    scale = n_out / n_in
    apart = ((np.arange(n_in) * scale)[:, None] - np.arange(n_out)[None, :]) ** 2 / radius**2
    pre_y, post_y = np.nonzero(apart <= 1)
    near = apart[pre_y, post_y]
    d = near[:, None] + near[None, :]
    strength = np.exp(-DECAY * d)
    a, b = np.nonzero((d <= 1) & (strength >= LEAST))
    pre = pre_y[a] * n_in + pre_y[b]
    post = post_y[a] * n_out + post_y[b]
    weight = strength[a, b]
    total = np.bincount(post, weights=weight, minlength=n_out * n_out)
    return Sparse.of(pre, post, (weight / total[post]).astype(np.float32), n_in * n_in, n_out * n_out)


def smoothing(seed: int = 0, *, n_in: int = 64, n_out: int = 32, radius: float = 1.0) -> SpikingNetwork:
    """ImgSmooth: image to smoothed image."""
    layers = (Layer("input", (n_in, n_in, 1), "input"), Layer("smooth", (n_out, n_out, 1), "conv"))
    fields = Projection(0, n_in * n_in, gaussian_grid(n_in, n_out, radius))
    return SpikingNetwork(layers, (fields,), weights="drawn", name="ImgSmooth")


def edge_detection(name: str, radii: tuple[float, float], n_in: int = 64, n_out: int = 32) -> SpikingNetwork:
    """Image to a narrow field (excitatory) and a wide one (inhibitory), both one-to-one to the edges."""
    side, pixels = n_out * n_out, n_in * n_in
    layers = (
        Layer("input", (n_in, n_in, 1), "input"),
        Layer("narrow", (n_out, n_out, 1), "conv"),
        Layer("wide", (n_out, n_out, 1), "conv"),
        Layer("edges", (n_out, n_out, 1), "unit"),
    )
    starts = (pixels, pixels + side, pixels + 2 * side)
    strength = np.full(side, CONTRAST, np.float32)
    projections = (
        Projection(0, starts[0], gaussian_grid(n_in, n_out, radii[0])),
        Projection(0, starts[1], gaussian_grid(n_in, n_out, radii[1])),
        Projection(starts[0], starts[2], OneToOne(strength)),
        Projection(starts[1], starts[2], OneToOne(-strength)),
    )
    return SpikingNetwork(layers, projections, weights="drawn", name=name)


def photographs(n: int, seed: int = 0) -> NDArray[np.float32]:
    """(n, 64, 64, 1) grey patches in [0, 1], seeded, of the two photographs that ship with scikit-learn."""
    from sklearn.datasets import load_sample_images

    grey = [image.mean(axis=2) / 255 for image in load_sample_images().images]
    rng = np.random.default_rng(seed)
    patches = np.empty((n, 64, 64, 1), np.float32)
    for k in range(n):
        image = grey[k % len(grey)]
        y, x = (int(rng.integers(0, size - 128 + 1)) for size in image.shape)
        patches[k, :, :, 0] = image[y : y + 128, x : x + 128].reshape(64, 2, 64, 2).mean(axis=(1, 3))
    return patches


def _against(radii: tuple[float, ...]) -> Callable[[Prepared, int | None, int, Progress], Outcome]:
    """Its run against the plain filter of these radii."""

    def run(prepared: Prepared, n: int | None, seed: int, progress: Progress) -> Outcome:
        from spikemesh.workloads.filters import evaluate

        return evaluate(prepared.network, radii, n, seed, progress)

    return run


WORKLOADS = (
    Workload(
        "ImgSmooth",
        source="decomposition paper, Table I",
        verdict="exact: synapses equal the table, and so do the neurons with an outgoing synapse, which it counts",
        table="4,096 / 9,025",
        neurons=5120,
        synapses=9025,
        build=smoothing,
        samples=photographs,
        run=_against((1.0,)),
    ),
    Workload(
        "EdgeDet",
        source="decomposition paper, Table I",
        verdict="stand-in: 24 synapses and 24 neurons more than the table, as if 24 silent neurons were left out there",
        table="6,120 / 114,057",
        neurons=7168,
        synapses=114_081,
        build=lambda seed: edge_detection("EdgeDet", (1, 3)),
        samples=photographs,
        run=_against((1.0, 3.0)),
    ),
    Workload(
        "graph_edgedet",
        source="GPA paper, Table II",
        verdict="stand-in: synapses equal the table; its 4,377 nodes are not explained (7,168 here)",
        table="4,377 / 54,876",
        neurons=7168,
        synapses=54_876,
        build=lambda seed: edge_detection("graph_edgedet", (1, 2)),
        samples=photographs,
        run=_against((1.0, 2.0)),
    ),
)
