"""Places clusters where the smooth eigenvectors of their traffic graph put them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from spikemesh.errors import MappingError
from spikemesh.mapping.place.measure import hop_cost
from spikemesh.mapping.place.problem import PlaceProblem
from spikemesh.mapping.place.registry import placer

__all__ = ["embedding", "fill_bands", "spectral"]

LAPLACIANS = ("combinatorial", "normalised")
DENSE_UP_TO = 64  # clusters; below that a full eigendecomposition costs less than starting an iterative one


@placer("spectral", paper="Hall, An r-dimensional quadratic placement algorithm, Management Science 17, 1970")
def spectral(problem: PlaceProblem, *, laplacian: str = "combinatorial") -> NDArray[np.int64]:
    """Eigenvectors 2 and 3 of the traffic graph's Laplacian as coordinates, sorted into columns and rows.

    Both ways round (which of the two is x) are tried on the most compact choice of tiles, and the cheaper one is kept.

    laplacian : "combinatorial" (D - W) or "normalised" (coordinates of the random walk on the graph).
    """
    if laplacian not in LAPLACIANS:
        raise MappingError(f"laplacian must be one of {', '.join(LAPLACIANS)}, not {laplacian!r}")
    at = embedding(problem, 2, laplacian == "normalised")
    both = [fill_bands(problem, at[:, 0], at[:, 1]), fill_bands(problem, at[:, 1], at[:, 0])]
    return min(both, key=lambda tiles: hop_cost(problem.traffic, tiles, problem.cols))


def embedding(problem: PlaceProblem, n_vectors: int, normalised: bool = False) -> NDArray[np.float64]:
    """(k, n_vectors) the smoothest vectors on the traffic graph that are orthogonal to the constant one, smoothest first.

    normalised : weigh clusters by the packets that they send and receive. Missing vectors (k <= n_vectors) are zero.
    """
    k, volume = problem.k, problem.volume
    found = min(n_vectors, k - 1)
    at = np.zeros((k, n_vectors))
    if found <= 0 or not volume.any():
        return at
    if normalised:
        root = np.sqrt(volume)
        scale = np.divide(1.0, root, out=np.zeros(k), where=root > 0)
        trivial, shift, diagonal = root / np.linalg.norm(root), 2.0, np.ones(k)
    else:
        scale = np.ones(k)
        shift = 2.0 * float(volume.max())
        trivial, diagonal = np.full(k, 1.0 / np.sqrt(k)), shift - volume
    vectors = _leading(problem, scale, diagonal, trivial, shift, found)
    vectors = vectors * scale[:, None]
    peak = vectors[np.abs(vectors).argmax(axis=0), np.arange(found)]
    at[:, :found] = vectors * np.where(peak < 0, -1.0, 1.0)
    return at


def _leading(
    problem: PlaceProblem,
    scale: NDArray[np.float64],
    diagonal: NDArray[np.float64],
    trivial: NDArray[np.float64],
    shift: float,
    count: int,
) -> NDArray[np.float64]:
    """(k, count) leading eigenvectors of diag + scale W scale - shift * trivial trivial', largest eigenvalue first."""
    import scipy.sparse as sparse
    import scipy.sparse.linalg as linalg

    k = problem.k
    weights = (problem.traffic + problem.traffic.T).tocsr()
    matrix = sparse.diags_array(scale) @ weights @ sparse.diags_array(scale) + sparse.diags_array(diagonal)
    if k > max(DENSE_UP_TO, 2 * count + 1):
        matrix = sparse.csr_array(matrix)

        def product(v: NDArray[np.float64]) -> NDArray[np.float64]:
            v = v.ravel()
            return matrix @ v - trivial * (shift * (trivial @ v))

        operator = linalg.LinearOperator((k, k), matvec=product, dtype=np.float64)
        start = problem.rng().random(k) - 0.5
        try:
            values, vectors = linalg.eigsh(operator, k=count, which="LA", v0=start, tol=1e-3, maxiter=60)
            return vectors[:, np.argsort(-values, kind="stable")]
        except linalg.ArpackNoConvergence:
            pass  # long chains of clusters: eigenvalues too close for few restarts
        if k > 2000:
            return _subspace(product, problem.rng().standard_normal((k, count + 2)))[:, :count]
    dense = matrix.toarray() - shift * np.outer(trivial, trivial)
    _, vectors = np.linalg.eigh(dense)
    return vectors[:, ::-1][:, :count]


def _subspace(
    product: Callable[[NDArray[np.float64]], NDArray[np.float64]], block: NDArray[np.float64], steps: int = 200
) -> NDArray[np.float64]:
    """Roughly the leading eigenvectors, by subspace iteration of fixed length: smooth enough to place by."""
    for _ in range(steps):
        block, _ = np.linalg.qr(np.column_stack([product(v) for v in block.T]))
    image = np.column_stack([product(v) for v in block.T])
    _, turn = np.linalg.eigh(block.T @ image)
    return block @ turn[:, ::-1]


def fill_bands(problem: PlaceProblem, across: NDArray[np.float64], along: NDArray[np.float64]) -> NDArray[np.int64]:
    """(k,) tiles: clusters by ``across`` fill the columns from west to east, each column by ``along`` from north to south.

    Only the most compact k tiles are used; ties go by lower cluster.
    """
    tiles = problem.core
    by_column = tiles[np.lexsort((tiles // problem.cols, tiles % problem.cols))]
    column = by_column % problem.cols
    order = np.argsort(across, kind="stable")
    placed = np.empty(problem.k, np.int64)
    placed[order[np.lexsort((along[order], column))]] = by_column
    return placed
