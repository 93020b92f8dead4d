"""spikemesh's own placer: several constructions, annealed by slope tables, and a descent to a swap optimum."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from spikemesh.errors import MappingError
from spikemesh.mapping.place.greedy import greedy
from spikemesh.mapping.place.multilevel import by_levels
from spikemesh.mapping.place.problem import PlaceProblem
from spikemesh.mapping.place.random_tiles import random_placement
from spikemesh.mapping.place.registry import placer
from spikemesh.mapping.place.search import Schedule, improve, relieve
from spikemesh.mapping.place.spectral import embedding, fill_bands

__all__ = ["EFFORTS", "auto"]

Found = tuple[float, NDArray[np.int64]]
FEW = 128  # clusters, up to which random starts reach every basin that constructions reach
RESTART = Schedule(1600, hot=2.0, cold=0.1, window=5)
SCREEN = Schedule(300, hot=3.0, cold=0.2, window=8, sweeps=0)
WILD = Schedule(900, hot=12.0, cold=0.2, window=math.inf, sweeps=0)
FINAL = Schedule(3000, hot=3.0, cold=0.1, window=5)
LEVEL = Schedule(2000, hot=5.0, cold=0.1, window=10, sweeps=0)
DESCENT = Schedule(0, hot=1.0, cold=1.0, window=1)
MANY = 1500  # clusters, beyond which coarse layouts of merged clusters are better starts than constructions
RELIEF = 100  # proposals a cluster for the link loads
HOP_SHARE = {"link-load": 0.1, "both": 1.0}


@dataclass(frozen=True)
class Effort:
    """``factor`` on all work; ``restarts`` of few clusters; of more, constructed ``starts`` and ``wild`` random ones."""

    factor: float
    restarts: int
    starts: int
    wild: int


EFFORTS = {"fast": Effort(0.1, 1, 3, 0), "balanced": Effort(1.0, 3, 8, 2), "quality": Effort(8.0, 4, 8, 3)}


@placer("auto", paper="spikemesh; range-limited annealing after Betz and Rose (VPR), FPL 1997, on exact slope tables")
def auto(problem: PlaceProblem, *, objective: str = "hops", effort: str = "balanced") -> NDArray[np.int64]:
    """Multi-start annealing whose proposals cost the same however many neighbours a cluster has.

    Up to 128 clusters, a greedy and some random starts are annealed and the best is kept. Beyond, greedy and spectral starts
    are annealed briefly, and the best of them at length; beyond 1500 the traffic is coarsened, laid out and refined level by
    level (:mod:`spikemesh.mapping.place.multilevel`). Each ends in a descent to where no swap and no move to a free tile
    pays (up to some thousand clusters). Up to 9 clusters on 36 tiles, branch and bound then looks for anything better.
    Lengths depend on sizes alone, so results repeat.

    objective : "hops"; "link-load" and "both" go on from there with the busiest link, every packet's route kept on the mesh
        (:mod:`spikemesh.mapping.place.balance`).
    effort : "fast", "balanced" or "quality", about 1 : 10 : 100 in time.
    """
    if effort not in EFFORTS:
        raise MappingError(f"effort must be one of {', '.join(EFFORTS)}, not {effort!r}")
    spent = EFFORTS[effort]
    placed = shortest(problem, spent)
    if objective == "hops":
        return placed
    return relieve(problem, placed, HOP_SHARE[objective], RELIEF * spent.factor, problem.seed)


def shortest(problem: PlaceProblem, effort: Effort) -> NDArray[np.int64]:
    """(k,) tiles of low hop cost."""
    from spikemesh.mapping.place.exact import fits, optimum

    if fits(problem):
        cost, best = _restarts(problem, EFFORTS["fast"])
        better = optimum(problem, cost * (1.0 - 1e-12), most_nodes=300_000)[2]
        return best if better is None else better
    find = _restarts if problem.k <= FEW else _tournament if problem.k <= MANY else _multilevel
    return find(problem, effort)[1]


def _restarts(problem: PlaceProblem, effort: Effort) -> Found:
    """(hop cost, tiles), the best of a greedy and of random starts, each annealed on its own."""
    rng = problem.rng()
    degree = len(problem.exchange[1]) / problem.k
    # dense traffic has more near-optima to tell apart, and every other method pays for its degree as well
    schedule = _longer(RESTART, effort.factor * min(2.0, 0.8 + 0.016 * degree))
    starts = [_greedy(problem)] + [random_placement(problem, rng) for _ in range(effort.restarts - 1)]
    return _best([improve(problem, at, schedule, _seed(rng)) for at in starts])


def _tournament(problem: PlaceProblem, effort: Effort) -> Found:
    """(hop cost, tiles), the best of several starts that are annealed briefly, then annealed at length.

    Constructed starts are warmed just enough to mend them; wild ones are random and hot, for traffic whose coarse layout no
    construction finds.
    """
    # large problems get less work a cluster: the total grows with the root of their size
    factor = effort.factor * min(1.0, math.sqrt(1000 / problem.k))
    rng = problem.rng()
    found = [improve(problem, at, _longer(SCREEN, factor), _seed(rng)) for at in _starts(problem, effort.starts)]
    for _ in range(effort.wild):
        found.append(improve(problem, random_placement(problem, rng), _longer(WILD, factor), _seed(rng)))
    return improve(problem, _best(found)[1], _longer(FINAL, factor), _seed(rng))


def _multilevel(problem: PlaceProblem, effort: Effort) -> Found:
    """(hop cost, tiles), coarse first; the coarsest problem, of some hundred clusters, is a tournament of its own."""
    factor = effort.factor * min(1.0, math.sqrt(5000 / problem.k))
    _, placed = by_levels(problem, _longer(LEVEL, factor), problem.rng(), lambda coarse: shortest(coarse, effort))
    return improve(problem, placed, DESCENT, problem.seed)


def _starts(problem: PlaceProblem, count: int) -> list[NDArray[np.int64]]:
    """Up to 8 placements that differ in their coarse layout: greedy, and spectral ones by several pairs of vectors."""
    plain, walk = embedding(problem, 3), embedding(problem, 3, normalised=True)
    starts = [_greedy(problem)]
    for across, along in ((0, 1), (1, 0), (0, 2)):
        for at in (plain, walk):
            starts.append(fill_bands(problem, at[:, across], at[:, along]))
    starts.append(fill_bands(problem, plain[:, 2], plain[:, 0]))
    return starts[:count]


def _greedy(problem: PlaceProblem) -> NDArray[np.int64]:
    return np.asarray(greedy(problem), np.int64)


def _best(found: list[Found]) -> Found:
    return min(found, key=lambda pair: pair[0])


def _longer(schedule: Schedule, factor: float) -> Schedule:
    return replace(schedule, work=schedule.work * factor)


def _seed(rng: np.random.Generator) -> int:
    return int(rng.integers(1 << 62))
