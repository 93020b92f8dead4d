"""ImgSmooth, EdgeDet and graph_edgedet on photographs, held against the plain filter, which is computed on its own."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spikemesh.network import SpikingNetwork
from spikemesh.workloads.grids import CONTRAST, DECAY, LEAST, photographs
from spikemesh.workloads.outcome import Outcome, Progress

__all__ = ["edges", "evaluate", "gaussian_filter"]

PEAK = 1.0
STEPS = 200
NOISE = 0.1
"""Standard deviation of the noise that smoothing is shown, in units of white."""


def gaussian_filter(image: NDArray[np.floating], radius: float, step: int = 2) -> NDArray[np.float64]:
    """Truncated Gaussian mean around every ``step``-th pixel: (h, w) -> (h / step, w / step).

    A pixel at distance d, in output pixels over ``radius``, squared, weighs exp(-2.3026 d) while that is at least 0.1; what
    lies outside the image weighs nothing.
    """
    height, width = image.shape
    centre_y, centre_x = (step * np.arange(size // step) for size in image.shape)
    total, weights = np.zeros((2, height // step, width // step))
    reach = int(np.ceil(radius * step))
    for down in range(-reach, reach + 1):
        for right in range(-reach, reach + 1):
            weight = np.exp(-DECAY * (down**2 + right**2) / (step * radius) ** 2)
            y, x = centre_y + down, centre_x + right
            if weight < LEAST:
                continue
            inside = np.ix_((y >= 0) & (y < height), (x >= 0) & (x < width))
            total[inside] += weight * image[np.ix_(y[(y >= 0) & (y < height)], x[(x >= 0) & (x < width)])]
            weights[inside] += weight
    return np.asarray(total / weights)


def edges(image: NDArray[np.floating], radii: tuple[float, float]) -> NDArray[np.float64]:
    """Four times the narrow mean minus the wide one, in [0, 1]: (h, w) -> (h / 2, w / 2)."""
    difference = gaussian_filter(image, radii[0]) - gaussian_filter(image, radii[1])
    return np.clip(CONTRAST * difference, 0, 1)


def _psnr(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Peak signal-to-noise ratio in dB of two images in [0, 1]."""
    return float(10 * np.log10(PEAK**2 / max(float(np.mean((a - b) ** 2)), 1e-12)))


def evaluate(network: SpikingNetwork, radii: tuple[float, ...], n: int | None, seed: int, progress: Progress) -> Outcome:
    """How near the output rates of ``n`` images (20 by default) come to the plain filter, in dB.

    radii : one for smoothing, two for edges. Smoothing gets pictures with Gaussian noise; its baseline is every second pixel
    of them, unfiltered. The baseline of edges is a black picture.
    """
    from spikemesh.spiking import run_layered

    images = photographs(20 if n is None else n, seed)
    if len(radii) == 1:
        noise = np.random.default_rng([seed, 1]).normal(0, NOISE, images.shape)
        images = np.clip(images + noise, 0, 1).astype(np.float32)
    progress(f"{network.name}: {len(images)} photographs, {STEPS} steps each")
    ran = run_layered(network, images, STEPS, record="counts", per_sample=True)
    assert ran.sample_counts is not None
    side = images.shape[1] // 2
    rates = ran.sample_counts[:, network.output_ids].reshape(-1, side, side) / STEPS
    ours, baseline = [], []
    for image, rate in zip(images[..., 0].astype(np.float64), rates, strict=True):
        plain = gaussian_filter(image, radii[0]) if len(radii) == 1 else edges(image, (radii[0], radii[1]))
        ours.append(_psnr(rate, plain))
        baseline.append(_psnr(image[::2, ::2] if len(radii) == 1 else np.zeros_like(plain), plain))
    return Outcome(
        network.name,
        "PSNR against the plain filter, dB",
        np.array(ours),
        "photograph patches of 64x64",
        np.array(baseline),
        "every second pixel, unfiltered" if len(radii) == 1 else "a black picture: no edge anywhere",
        notes=(
            f"rates of {STEPS} steps; patches of the two photographs that ship with scikit-learn"
            + (f", with noise of {NOISE:g}" if len(radii) == 1 else ""),
        ),
    )
