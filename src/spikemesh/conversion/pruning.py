"""Magnitude pruning: one network at a time by weight, or step by step with retraining in between.

The decomposition paper prunes its models before it unrolls them (its reference 4, Han et al.: prune, retrain, repeat).
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikemesh.errors import NetworkError
from spikemesh.network import Convolution, Dense, Projection, Sparse, SpikingNetwork
from spikemesh.network.archive import Archive, write_archive
from spikemesh.network.connectivity import Edges, Window

__all__ = ["Pruned", "Schedule", "prune_and_retrain", "prune_to", "without_zeros"]

log = logging.getLogger("spikemesh")

FORMAT, VERSION = "spikemesh-pruned", 1


def prune_to(network: SpikingNetwork, n_synapses: int) -> SpikingNetwork:
    """The network with about ``n_synapses`` left, by the magnitude of its *parameters*; never lists what it drops.

    An entry of a dense matrix or of a kernel counts by abs(w) relative to the root mean square of its projection, and goes or
    stays with all its synapses; so the number left may exceed what was asked by less than those of one entry. Pooling,
    one-to-one and listed synapses stay.

    Raises
    ------
    NetworkError
        where there are fewer synapses than that, or more that have to stay.
    """
    scores, counts, fixed = [], [], 0
    for p in network.projections:
        weight = _parameters(p)
        if weight is None:
            fixed += p.connectivity.n_synapses
            continue
        spread = float(np.sqrt(np.mean(np.square(weight, dtype=np.float64)))) or 1.0
        scores.append((np.abs(weight) / np.float32(spread)).astype(np.float32).ravel())
        counts.append(np.broadcast_to(_synapses_each(p), weight.shape).ravel())
    if not fixed <= n_synapses <= network.n_synapses:
        raise NetworkError(f"{network.name} can be pruned to {fixed}..{network.n_synapses} synapses, not to {n_synapses}")
    score, count = np.concatenate([*scores, np.empty(0, np.float32)]), np.concatenate([*counts, np.empty(0, np.int64)])
    order = np.argsort(-score, kind="stable")
    kept = np.zeros(len(score), bool)
    kept[order[: int(np.searchsorted(np.cumsum(count[order]), n_synapses - fixed)) + 1]] = n_synapses > fixed
    parts, at = [], 0
    for p in network.projections:
        weight = _parameters(p)
        if weight is None:
            parts.append(p.edges())
            continue
        parts.append(_listed(p, kept[at : at + weight.size].reshape(weight.shape)))
        at += weight.size
    parts.sort(key=lambda e: int(e.pre[0]) if len(e) else -1)
    edges = Edges.sorted(*(np.concatenate([getattr(e, name) for e in parts]) for name in ("pre", "post", "weight")))
    return _with_edges(network, edges)


def without_zeros(network: SpikingNetwork) -> SpikingNetwork:
    """The network without synapses of weight 0: what is left of a pruned model once it is converted."""
    s = network.synapses
    keep = s.weight != 0
    return network if keep.all() else _with_edges(network, Edges(s.pre[keep], s.post[keep], s.weight[keep]))


def _with_edges(network: SpikingNetwork, edges: Edges) -> SpikingNetwork:
    n = network.n_neurons
    return replace(network, projections=(Projection(0, 0, Sparse(edges, n, n)),))


def _parameters(p: Projection) -> NDArray[np.floating] | None:
    c = p.connectivity
    return c.kernel if isinstance(c, Convolution) else c.weight if isinstance(c, Dense) else None


def _synapses_each(p: Projection) -> NDArray[np.int64]:
    """Synapses that an entry of the parameters makes, broadcastable to them."""
    c = p.connectivity
    if isinstance(c, Dense):
        return np.ones((1, 1), np.int64)
    assert isinstance(c, Convolution)
    taps = np.zeros(c.window.size, np.int64)
    for ky, kx, i, _ in c.window.taps():
        taps[ky, kx] = len(i)
    return taps[:, :, None, None]


def _listed(p: Projection, kept: NDArray[np.bool_]) -> Edges:
    """Synapses of the entries kept, in the network's indices, sorted."""
    c = p.connectivity
    if isinstance(c, Dense):
        pre, post = np.nonzero(kept)
        weight = c.weight[pre, post]
        return Edges((pre + p.pre_start).astype(np.int32), (post + p.post_start).astype(np.int32), weight)
    assert isinstance(c, Convolution)
    window: Window = c.window
    cin, cout = c.kernel.shape[2], c.channels_out // c.groups
    pres, posts, weights = [], [], []
    for ky, kx, i, o in window.taps():
        a, b = np.nonzero(kept[ky, kx])
        channel = b // cout * cin + a
        pres.append((i[:, None].astype(np.int32) * c.channels_in + channel.astype(np.int32)).ravel())
        posts.append((o[:, None].astype(np.int32) * c.channels_out + b.astype(np.int32)).ravel())
        weights.append(np.broadcast_to(c.kernel[ky, kx, a, b], (len(i), len(a))).ravel())
    pre, post = np.concatenate(pres), np.concatenate(posts)
    order = np.argsort(pre.astype(np.int64) * c.n_post + post, kind="stable")
    return Edges(pre[order] + np.int32(p.pre_start), post[order] + np.int32(p.post_start), np.concatenate(weights)[order])


@dataclass(frozen=True)
class Schedule:
    """How far and how a model is pruned.

    share : of the kernels' entries to drop in the end, 0 up to below 1. Entries count by abs(w) relative to the root mean
        square of their layer.
    rounds : in which the share grows, in equal parts of what is left each time. epochs : of retraining a round.
    tolerance : a round whose accuracy is lower than before pruning by more than this is undone, and pruning ends.
    held_out : share of the samples, the last ones, that judge and are not retrained on. A model that was trained on them knows
        them by heart, which makes the check stricter.
    """

    share: float
    rounds: int = 4
    epochs: int = 1
    tolerance: float = 0.003
    held_out: float = 0.1
    batch_size: int = 128
    learning_rate: float = 5e-4

    def __post_init__(self) -> None:
        if not 0 <= self.share < 1 or not 0 < self.held_out < 1:
            raise NetworkError(f"share and held_out must lie in [0, 1): {self.share}, {self.held_out}")
        if self.rounds < 1 or self.epochs < 0 or self.batch_size < 1:
            raise NetworkError(f"needs a round and a sample a batch at least: {self.rounds}, {self.epochs}, {self.batch_size}")


@dataclass(frozen=True, eq=False)
class Pruned:
    """What :func:`prune_and_retrain` reached.

    model : Keras model; the pruned entries of its kernels are 0. share : of kernel entries that are 0.
    accuracy_before, accuracy_after : on the samples held out for the check.
    rounds : (share, accuracy after retraining, whether it was kept) of every round.
    """

    model: Any
    share: float
    accuracy_before: float
    accuracy_after: float
    rounds: tuple[tuple[float, float, bool], ...]


def prune_and_retrain(
    model: Any,
    x: NDArray[np.floating],
    y: NDArray[np.integer],
    schedule: Schedule,
    *,
    seed: int = 0,
    cache: Path | None = None,
    progress: Callable[[str], object] | None = None,
) -> Pruned:
    """Iterative magnitude pruning: drop the smallest weights, retrain what is left, check, repeat (Han et al. 2015).

    Parameters
    ----------
    model : a Keras classifier that ends in softmax; it is not changed.
    x, y : training samples in [0, 1] and their classes.
    cache : folder where the result is kept under a digest of the model, the samples, the schedule and the seed, and looked for.
    """
    from spikemesh.conversion._keras import keras

    k = keras()
    k.utils.set_random_seed(seed)
    work = k.models.clone_model(model)
    work.set_weights(model.get_weights())
    path = None if cache is None else cache / f"{model.name}-{_digest(model, x, y, schedule, seed)}.pruned.npz"
    found = None if path is None else _read(path, work)
    if found is not None:
        return found
    kernels = [w for w in work.trainable_weights if w.path.rsplit("/", 1)[-1] == "kernel"]
    judged = max(int(len(x) * schedule.held_out), 1)

    def accuracy() -> float:
        return float(np.mean(work.predict(x[-judged:], batch_size=512, verbose=0).argmax(axis=1) == y[-judged:]))

    before = after = accuracy()
    told: list[tuple[float, float, bool]] = []
    for number in range(1, schedule.rounds + 1):
        goal = 1 - (1 - schedule.share) ** (number / schedule.rounds)
        good = work.get_weights()
        _retrain(k, work, kernels, x[:-judged], y[:-judged], goal, schedule)
        reached = accuracy()
        told.append((goal, reached, reached >= before - schedule.tolerance))
        if progress is not None:
            progress(f"{model.name}: {goal:.1%} of the weights pruned, accuracy {reached:.4f}, before {before:.4f}")
        if not told[-1][2]:
            work.set_weights(good)
            break
        after = reached
    zeros = sum(int((np.asarray(w) == 0).sum()) for w in kernels)
    done = Pruned(work, zeros / max(sum(int(np.prod(w.shape)) for w in kernels), 1), before, after, tuple(told))
    if path is not None:
        _write(path, done)
    return done


def _retrain(
    k: Any, work: Any, kernels: list[Any], x: NDArray[np.floating], y: NDArray[np.integer], share: float, how: Schedule
) -> None:
    """Drops up to ``share`` of the entries and trains the others; what was dropped is set back to 0 after every batch."""
    masks = _masks([np.asarray(w) for w in kernels], share)

    def apply(batch: int = 0, logs: Any = None) -> None:
        for kernel, mask in zip(kernels, masks, strict=True):
            kernel.assign(kernel * mask)

    apply()
    work.compile(k.optimizers.Adam(how.learning_rate), "sparse_categorical_crossentropy")
    told = [k.callbacks.LambdaCallback(on_train_batch_end=apply)]
    work.fit(x, y, batch_size=how.batch_size, epochs=how.epochs, verbose=0, callbacks=told)


def _masks(kernels: list[NDArray[np.floating]], share: float) -> list[NDArray[np.float32]]:
    """1 for the entries that stay; ties at the bar go with the smaller ones."""
    scores = [np.abs(w) / (float(np.sqrt(np.mean(np.square(w)))) or 1.0) for w in kernels]
    flat = np.concatenate([s.ravel() for s in scores])
    drop = int(share * len(flat))
    bar = np.partition(flat, drop - 1)[drop - 1] if drop else -1.0
    return [(s > bar).astype(np.float32) for s in scores]


def _digest(model: Any, x: NDArray[np.floating], y: NDArray[np.integer], schedule: Schedule, seed: int) -> str:
    found = hashlib.sha256(repr((model.to_json(), schedule, seed)).encode())
    for array in (*model.get_weights(), x, y):
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()[:16]


def _read(path: Path, work: Any) -> Pruned | None:
    """What was kept, its weights in ``work``; None where there is nothing, or nothing that can be used."""
    if not path.exists():
        return None
    try:
        archive = Archive(path, FORMAT, VERSION, NetworkError)
        shapes = [w.shape for w in work.get_weights()]
        weights = [archive.array(f"w{i}", "f", 1) for i in range(len(shapes))]
        if [w.size for w in weights] != [int(np.prod(s)) for s in shapes]:
            archive.fail("w0", "the weights must be those of the model")
        rounds = archive.array("rounds", "f", 1).reshape(-1, 3)
        work.set_weights([w.reshape(s) for w, s in zip(weights, shapes, strict=True)])
        told = tuple((float(a), float(b), bool(c)) for a, b, c in rounds)
        share, before, after = (archive.number(name) for name in ("share", "before", "after"))
        return Pruned(work, share, before, after, told)
    except (NetworkError, ValueError) as reason:
        log.warning("a cached pruned model cannot be used (%s); pruning it again", reason)
        return None


def _write(path: Path, done: Pruned) -> None:
    header = {"format": FORMAT, "version": VERSION, "share": done.share}
    header |= {"before": done.accuracy_before, "after": done.accuracy_after}
    arrays = {f"w{i}": np.asarray(w).ravel() for i, w in enumerate(done.model.get_weights())}
    arrays["rounds"] = np.array(done.rounds, np.float64).ravel()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_archive(path, header, arrays, NetworkError)
    except (OSError, NetworkError) as reason:
        log.warning("the pruned %s could not be cached: %s", done.model.name, reason)
