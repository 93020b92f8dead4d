"""Synthetic traffic for the mesh: patterns, latency-load curves, and the closed forms to hold them against.

Patterns and windows follow BookSim (Jiang et al., ISPASS 2013) and Dally and Towles, Principles and Practices of
Interconnection Networks, sections 3.2 and 23: every tile is a Bernoulli source, packets that are born in the measurement window
count, and sources go on until those have arrived.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spikemesh.errors import SimulationError
from spikemesh.simulation.lower import chip_of
from spikemesh.simulation.program import Chip
from spikemesh.simulation.traffic import TrafficResult, simulate_traffic

if TYPE_CHECKING:
    import pandas as pd

    from spikemesh.hardware import Hardware

__all__ = [
    "PATTERNS",
    "latency_load",
    "mean_links",
    "saturation_rate",
    "synthetic_traffic",
    "uniform_saturation",
    "zero_load_latency",
]

PATTERNS = ("uniform", "transpose", "bit-complement", "hotspot", "nearest-neighbour", "tornado")
"""Where a packet of tile (x, y) goes on a mesh of cols x rows.

uniform: any tile, itself included. transpose: (y, x), on a square mesh. bit-complement: (cols - 1 - x, rows - 1 - y), the
complement of the tile's index. hotspot: ``HOT_SHARE`` of the packets to the tile in the middle, (cols // 2, rows // 2), the
others uniform. nearest-neighbour: any of the two to four tiles next to it (itself on a mesh of one tile). tornado:
(x + ceil(cols / 2) - 1, y + ceil(rows / 2) - 1), around the edge.
"""

HOT_SHARE = 0.1
"""Share of a hotspot's packets that go to the hot tile on purpose."""

VERDICTS = ("drained", "saturated", "cut")
"""From good to bad; seeds together get the worst of theirs."""

DRAIN = 1000
"""Cycles for which sources go on after the window, so that its last packets meet the same load as the others."""


def synthetic_traffic(
    pattern: str, hw: Hardware | tuple[int, int], rate: float, cycles: int, seed: int = 0
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Packets of Bernoulli sources: each tile starts one in each cycle with probability rate / flits per packet.

    Parameters
    ----------
    pattern : one of ``PATTERNS``.
    hw : a chip with a sized mesh, or (cols, rows) for packets of one flit.
    rate : offered load in flits per node and cycle.
    cycles : cycles 0 ... cycles - 1 see new packets.

    Returns
    -------
    cycle, source, destination : (n,) int64 each, sorted by (cycle, source); what ``simulate_traffic`` takes.

    Raises
    ------
    SimulationError
        for an unknown pattern, one that does not fit the mesh, a rate or number of cycles out of range.
    """
    cols, rows, flits = shape_of(hw)
    check_pattern(pattern, cols, rows)
    if not 0 <= rate <= flits:
        raise SimulationError(
            f"rate = {rate!r}: must be 0 to {flits} flits per node and cycle; a node starts at most one packet a cycle"
        )
    if cycles < 0:
        raise SimulationError(f"cycles = {cycles!r}: must be at least 0")
    rng = np.random.default_rng(seed)
    cycle, source = np.divmod(successes(rng, rate / flits, int(cycles) * cols * rows), cols * rows)
    return cycle, source, destinations(rng, pattern, source, cols, rows)


def latency_load(
    hw: Hardware,
    pattern: str = "uniform",
    rates: Sequence[float] = (0.01, 0.1, 0.2, 0.3, 0.35, 0.4),
    seeds: Iterable[int] = (0,),
    warmup: int = 3000,
    measure: int = 20_000,
    engine: str = "auto",
    max_cycles: int | None = None,
) -> pd.DataFrame:
    """The latency-load curve of a mesh: one line a rate, its seeds taken together.

    Sources run for ``warmup`` + ``measure`` + ``DRAIN`` cycles; latency, from a packet's cycle to its delivery and so with the
    source queue, is that of packets born in the ``measure`` cycles after the warm-up, however late they arrive.

    Returns
    -------
    DataFrame with rate (offered load asked for, flits per node and cycle), latency_mean_cycles (mean of the seeds' means),
    latency_spread_cycles (standard deviation of those means, NaN for one seed), latency_p50_cycles, latency_p99_cycles,
    latency_max_cycles (of all seeds' packets), offered and throughput (flits per node and cycle born and delivered in the
    window), accepted (throughput / offered), verdict ("drained", "saturated" or "cut"; the worst of the seeds), packets
    (measured). Latencies are NaN where no measured packet arrived.

    Raises
    ------
    SimulationError
        as :func:`synthetic_traffic` and :func:`spikemesh.simulation.simulate_traffic`, and for an empty window or no seeds.
    """
    import pandas as pd

    seeds = list(seeds)
    if not seeds:
        raise SimulationError("seeds is empty: name at least one")
    if warmup < 0 or measure < 1:
        raise SimulationError(f"warmup = {warmup!r}, measure = {measure!r}: must be at least 0 and 1 cycles")
    lines = [
        curve_point(rate, [measured(hw, pattern, rate, s, warmup, measure, engine, max_cycles) for s in seeds], measure)
        for rate in rates
    ]
    return pd.DataFrame(lines)


def saturation_rate(
    hw: Hardware,
    pattern: str = "uniform",
    seed: int = 0,
    warmup: int = 2000,
    measure: int = 5000,
    tolerance: float = 0.005,
    engine: str = "auto",
) -> float:
    """The offered load, in flits per node and cycle, beyond which the mesh accepts less than 99 % of it: an estimate.

    Found by bisection to within ``tolerance``, with one run of ``measure`` cycles (1000 at least) for each step; a longer
    window sees slower growth and gives a lower rate. Returns the highest load that a node can offer where even that one drains.
    """
    if measure < 1000:
        raise SimulationError(f"measure = {measure!r}: saturation is judged over at least 1000 cycles")
    low, high = 0.0, float(shape_of(hw)[2])
    if measured(hw, pattern, high, seed, warmup, measure, engine).verdict != "saturated":
        return high
    while high - low > tolerance:
        middle = (low + high) / 2
        if measured(hw, pattern, middle, seed, warmup, measure, engine).verdict == "saturated":
            high = middle
        else:
            low = middle
    return (low + high) / 2


def zero_load_latency(hw: Hardware | Chip, pattern: str = "uniform") -> float:
    """Mean cycles from injection to delivery on an empty mesh, averaged over the pattern; exact.

    (links + 1) * router_cycles + sum of link_cycles + flits - 1 + eject_cycles.
    """
    chip = hw if isinstance(hw, Chip) else chip_of(hw)
    x, y = mean_links(pattern, (chip.cols, chip.rows))
    routers, links = (x + y + 1) * chip.router_cycles, x * chip.link_cycles_x + y * chip.link_cycles_y
    return routers + links + chip.flits_per_packet - 1 + chip.eject_cycles


def mean_links(pattern: str, shape: tuple[int, int]) -> tuple[float, float]:
    """Links that a packet of the pattern crosses along x and along y, on average over sources and destinations; exact."""
    cols, rows = shape
    check_pattern(pattern, cols, rows)
    if pattern == "uniform":
        return (cols**2 - 1) / (3 * cols), (rows**2 - 1) / (3 * rows)
    tile = np.arange(cols * rows)
    x, y = tile % cols, tile // cols
    if pattern == "hotspot":
        (any_x, any_y), hot = mean_links("uniform", shape), 1 - HOT_SHARE
        to_x, to_y = np.abs(x - cols // 2).mean(), np.abs(y - rows // 2).mean()
        return hot * any_x + HOT_SHARE * float(to_x), hot * any_y + HOT_SHARE * float(to_y)
    if pattern == "nearest-neighbour":
        beside = (x > 0).astype(int) + (x < cols - 1)
        above = (y > 0).astype(int) + (y < rows - 1)
        neighbours = np.maximum(beside + above, 1)
        return float((beside / neighbours).mean()), float((above / neighbours).mean())
    to = destinations(np.random.default_rng(0), pattern, tile, cols, rows)
    return float(np.abs(to % cols - x).mean()), float(np.abs(to // cols - y).mean())


def uniform_saturation(cols: int, rows: int) -> float:
    """No XY mesh carries more uniform traffic than this, in flits per node and cycle: its busiest link is then always busy.

    The link from column i - 1 to i carries, in each row, i (cols - i) / cols times the load of a node: every tile to its west
    sends that share of its packets across. 4 / k on a k x k mesh of even k (Dally and Towles, section 3.3.1); 1 where
    ejection is the bottleneck. Queues in front of blocked packets keep a mesh of single FIFOs below it.
    """
    across = max((k // 2) * (k - k // 2) / k for k in (cols, rows))
    return min(1.0, 1 / across) if across else 1.0


def shape_of(hw: Hardware | tuple[int, int]) -> tuple[int, int, int]:
    """Columns, rows and flits per packet."""
    if isinstance(hw, tuple):
        cols, rows = hw
        if cols < 1 or rows < 1:
            raise SimulationError(f"mesh = {hw!r}: must have at least one column and one row")
        return int(cols), int(rows), 1
    chip = chip_of(hw)
    return chip.cols, chip.rows, chip.flits_per_packet


def check_pattern(pattern: str, cols: int, rows: int) -> None:
    if pattern not in PATTERNS:
        raise SimulationError(f"pattern must be one of {', '.join(PATTERNS)}, not {pattern!r}")
    if pattern == "transpose" and cols != rows:
        raise SimulationError(f"pattern transpose needs a square mesh, not {cols} x {rows}")


def successes(rng: np.random.Generator, p: float, trials: int) -> NDArray[np.int64]:
    """Which of ``trials`` independent trials succeed, ascending; drawn by the gaps between them, so misses cost nothing."""
    found = [np.empty(0, np.int64)]
    last = -1
    while p > 0 and last < trials:
        expected = (trials - last) * p
        gaps = np.minimum(rng.geometric(p, int(expected + 4 * np.sqrt(expected)) + 16), trials + 1)  # no sum overflows
        found.append(last + np.cumsum(gaps))
        last = int(found[-1][-1])
    drawn = np.concatenate(found)
    return drawn[drawn < trials]


def destinations(rng: np.random.Generator, pattern: str, source: NDArray[np.int64], cols: int, rows: int) -> NDArray[np.int64]:
    """A destination for each packet."""
    x, y = source % cols, source // cols
    if pattern == "transpose":
        return x * cols + y
    if pattern == "bit-complement":
        return cols * rows - 1 - source
    if pattern == "tornado":
        return (y + (rows + 1) // 2 - 1) % rows * cols + (x + (cols + 1) // 2 - 1) % cols
    if pattern == "nearest-neighbour":
        return neighbours_of(rng, source, x, y, cols, rows)
    anywhere = rng.integers(0, cols * rows, len(source))
    if pattern == "hotspot":
        return np.where(rng.random(len(source)) < HOT_SHARE, rows // 2 * cols + cols // 2, anywhere)
    return anywhere


def neighbours_of(
    rng: np.random.Generator, source: NDArray[np.int64], x: NDArray[np.int64], y: NDArray[np.int64], cols: int, rows: int
) -> NDArray[np.int64]:
    """One of the tiles next to each source, all with equal chances."""
    there = np.stack([x < cols - 1, x > 0, y > 0, y < rows - 1])
    step = np.array([1, -1, -cols, cols])
    which = rng.integers(0, np.maximum(there.sum(axis=0), 1))
    chosen = (np.cumsum(there, axis=0) > which).argmax(axis=0)
    return source + np.where(there.any(axis=0), step[chosen], 0)


def measured(
    hw: Hardware,
    pattern: str,
    rate: float,
    seed: int,
    warmup: int,
    measure: int,
    engine: str,
    max_cycles: int | None = None,
) -> TrafficResult:
    """One run, judged over the window after the warm-up."""
    packets = synthetic_traffic(pattern, hw, rate, warmup + measure + DRAIN, seed)
    window = (warmup, warmup + measure)
    return simulate_traffic(hw, *packets, engine=engine, max_cycles=max_cycles, window=window)


def curve_point(rate: float, runs: list[TrafficResult], measure: int) -> dict[str, Any]:
    """One line of a latency-load curve."""
    nan = float("nan")
    latencies = [arrived(run) for run in runs]
    means = [float(latency.mean()) if len(latency) else nan for latency in latencies]
    latency = np.concatenate(latencies)
    p50, p99 = np.percentile(latency, [50, 99]) if len(latency) else (nan, nan)
    nodes = len(runs) * len(runs[0].link_load) * measure
    offered = sum(run.offered for run in runs)
    throughput = sum(run.accepted * run.offered for run in runs)
    return {
        "rate": float(rate),
        "latency_mean_cycles": float(np.mean(means)),
        "latency_spread_cycles": float(np.std(means, ddof=1)) if len(means) > 1 else nan,
        "latency_p50_cycles": float(p50),
        "latency_p99_cycles": float(p99),
        "latency_max_cycles": float(latency.max()) if len(latency) else nan,
        "offered": offered / nodes,
        "throughput": throughput / nodes,
        "accepted": throughput / offered if offered else 1.0,
        "verdict": max((run.verdict for run in runs), key=VERDICTS.index),
        "packets": len(latency),
    }


def arrived(run: TrafficResult) -> NDArray[np.int64]:
    """Latency of the packets that were born in the window and have arrived."""
    start, stop = run.window
    mine = (run.cycle >= start) & (run.cycle < stop) & (run.delivered_cycle >= 0)
    return run.latency[mine]
