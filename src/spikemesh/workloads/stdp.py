"""DigitRecogSTDP: digits learned without labels by spike-timing-dependent plasticity, in Brian2.

The network and its roles are those of Diehl and Cook (2015): pixels spike at random at rates of their grey level, all of them
excite 100 neurons, each of those excites one inhibitory partner, and each partner silences all the others, so that the neuron
that fits a digit best learns it alone. Ours is simpler, so that it learns within a minute or two: current-based neurons with a
leak of 100 ms, steps of 1 ms, 100 ms a digit, inhibition that sets the others back to rest. Kept are the adaptive threshold,
which grows with every spike of a neuron and lets the others win too, the rule that acts where the excitatory neuron spikes

    w <- clip(w + rate * (x_pre - 0.4), 0, 1)        x_pre: 1 at a pixel's spike, decaying with 20 ms

and the normalisation of each neuron's weights before every digit. Labels come in afterwards, on digits shown with plasticity
switched off: how a neuron's spikes are shared out among the classes says how much each of them speaks for a class.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikemesh.errors import DataError, SimulationError
from spikemesh.network.archive import Archive, write_archive
from spikemesh.workloads.datasets import Dataset
from spikemesh.workloads.outcome import Outcome, Progress
from spikemesh.workloads.training import cache_directory

__all__ = ["Learned", "Rule", "evaluate", "labelled", "learn", "present"]

log = logging.getLogger("spikemesh")

FORMAT, VERSION = "spikemesh-stdp", 1
COPIES = 50
"""Copies of the network that show digits side by side while nothing is learned."""


@dataclass(frozen=True)
class Rule:
    """Numbers of the network and of its learning.

    digits : shown while learning, once each. steps : of 1 ms a digit. most_probability : of a spike of a white pixel a step.
    threshold, raise_by : of an excitatory neuron, and how much each of its spikes adds to it. total : sum of a neuron's weights.
    """

    n_excitatory: int = 100
    digits: int = 8000
    steps: int = 100
    most_probability: float = 0.1
    rate: float = 0.02
    target: float = 0.4
    threshold: float = 20.0
    raise_by: float = 0.1
    total: float = 78.0
    labelling: int = 5000
    """digits, of the training half, that tell what the neurons' spikes stand for"""


@dataclass(frozen=True, eq=False)
class Learned:
    """weights : (n_pixels, n_excitatory), normalised. raised : (n_excitatory,) what the thresholds have gained."""

    weights: NDArray[np.float64]
    raised: NDArray[np.float64]


def _normalised(weights: NDArray[np.float64], total: float) -> NDArray[np.float64]:
    return weights * (total / np.maximum(weights.sum(axis=0), 1e-12))


class _Network:
    """``copies`` copies of the network in Brian2, with the state of its groups at hand."""

    def __init__(
        self, rule: Rule, n_pixels: int, copies: int, learned: Learned, plastic: bool, rng: np.random.Generator
    ) -> None:
        import brian2 as b2

        self.rule, self.n_pixels, self.copies, self.plastic, self.rng = rule, n_pixels, copies, plastic, rng
        n = rule.n_excitatory
        clock = b2.Clock(1 * b2.ms)
        common = {"clock": clock, "method": "exact"}
        pixels = b2.NeuronGroup(
            n_pixels * copies, "dx/dt = -x / (20*ms) : 1\nfires : 1", threshold="fires > 0.5", reset="x = 1", **common
        )
        excitatory = b2.NeuronGroup(
            n * copies,
            "dv/dt = -v / (100*ms) : 1\nraised : 1",
            threshold="v > base + raised",
            reset="v = 0; raised += step_up",
            namespace={"base": rule.threshold, "step_up": rule.raise_by if plastic else 0.0},
            **common,
        )
        inhibitory = b2.NeuronGroup(n * copies, "u : 1", threshold="u > 0.5", reset="u = 0", clock=clock)
        learns = "w = clip(w + rate * (x_pre - aim), 0, 1)" if plastic else None
        names = {"rate": rule.rate, "aim": rule.target}
        forward = b2.Synapses(pixels, excitatory, "w : 1", on_pre="v_post += w", on_post=learns, namespace=names, clock=clock)
        place = np.arange(copies)[:, None]
        pixel, neuron = (k.ravel() for k in np.indices((n_pixels, n)))
        forward.connect(i=(pixel + n_pixels * place).ravel(), j=(neuron + n * place).ravel())
        partner = b2.Synapses(excitatory, inhibitory, on_pre="u_post = 1", clock=clock)
        partner.connect(j="i")
        silence = b2.Synapses(inhibitory, excitatory, on_pre="v_post = 0", clock=clock)
        one, other = np.nonzero(~np.eye(n, dtype=bool))
        silence.connect(i=(one + n * place).ravel(), j=(other + n * place).ravel())
        self.spikes = b2.SpikeMonitor(excitatory, record=False)
        self.parts = (pixels, excitatory, inhibitory, forward, partner, silence, self.spikes)
        self.clock, self.brian2 = clock, b2
        self.time = clock.variables["timestep"].get_value()
        self.state = {
            key: group.variables[key].get_value()
            for group, keys in (
                (pixels, ("x", "fires")),
                (excitatory, ("v", "raised")),
                (inhibitory, ("u",)),
                (forward, ("w",)),
            )
            for key in keys
        }
        self.state["w"][:] = np.tile(learned.weights.ravel(), copies)
        self.state["raised"][:] = np.tile(learned.raised, copies)

    def show(self, samples: NDArray[np.floating], progress: Progress | None = None) -> NDArray[np.int64]:
        """(n_samples, n_excitatory) spikes that each sample, (n_samples, n_pixels) in [0, 1], caused."""
        rule, groups = self.rule, -(-len(samples) // self.copies)
        counts = np.zeros((groups * self.copies, rule.n_excitatory), np.int64)
        before = np.zeros(rule.n_excitatory * self.copies, np.int64)
        probability = np.zeros((self.copies, self.n_pixels))

        def finish(group: int) -> None:
            now = np.array(self.spikes.count[:], np.int64)
            counts[group * self.copies : (group + 1) * self.copies] = (now - before).reshape(self.copies, -1)
            before[:] = now

        # order -1: before the neurons' own work in the same slot
        @self.brian2.network_operation(clock=self.clock, when="start", order=-1, name="digits")  # type: ignore[untyped-decorator]
        def load() -> None:
            group, step = divmod(int(self.time[0]), rule.steps)
            if step == 0:
                if group:
                    finish(group - 1)
                mine = samples[group * self.copies : (group + 1) * self.copies]
                probability[:] = 0
                probability[: len(mine)] = mine * rule.most_probability
                for key in ("x", "v", "u"):
                    self.state[key][:] = 0
                if self.plastic:
                    w = self.state["w"].reshape(self.n_pixels, -1)
                    w[:] = _normalised(w, rule.total)
                    if progress is not None and group and group % 1000 == 0:
                        progress(f"DigitRecogSTDP: {group} of {groups} digits learned from")
            self.state["fires"][:] = (self.rng.random(probability.shape) < probability).ravel()

        net = self.brian2.Network(*self.parts, load)
        net.run(groups * rule.steps * self.brian2.ms, namespace={})
        if net._globally_stopped:
            raise KeyboardInterrupt  # Brian2 catches Ctrl-C and returns what it has
        finish(groups - 1)
        return counts[: len(samples)]

    def learned(self) -> Learned:
        w = np.array(self.state["w"]).reshape(self.copies, self.n_pixels, -1)[0]
        return Learned(_normalised(w, self.rule.total), np.array(self.state["raised"][: self.rule.n_excitatory]))


def learn(samples: NDArray[np.floating], rule: Rule, seed: int = 0, progress: Progress | None = None) -> Learned:
    """Show every sample once, (n, ...) in [0, 1], and return what the weights became. Same seed, same weights."""
    from spikemesh.network.brian2_export import codegen_target

    flat = _flat(samples)
    rng = np.random.default_rng(seed)
    drawn = rng.uniform(0.1, 1, (flat.shape[1], rule.n_excitatory))
    start = Learned(_normalised(drawn, rule.total), np.zeros(rule.n_excitatory))
    with codegen_target("numpy"):
        net = _Network(rule, flat.shape[1], 1, start, True, rng)
        net.show(flat, progress)
    return net.learned()


def present(learned: Learned, samples: NDArray[np.floating], rule: Rule, seed: int = 0) -> NDArray[np.int64]:
    """(n_samples, n_excitatory) spikes without learning."""
    from spikemesh.network.brian2_export import codegen_target

    flat = _flat(samples)
    with codegen_target("numpy"):
        net = _Network(rule, flat.shape[1], min(COPIES, len(flat)), learned, False, np.random.default_rng([seed, 1]))
        return net.show(flat)


def _flat(samples: NDArray[np.floating]) -> NDArray[np.float64]:
    flat = np.asarray(samples, np.float64).reshape(len(samples), -1)
    if not len(flat) or not ((flat >= 0) & (flat <= 1)).all():
        raise SimulationError("digits must be one sample or more, with values in [0, 1]")
    return flat


def labelled(counts: NDArray[np.int64], labels: NDArray[np.integer], n_classes: int) -> NDArray[np.float64]:
    """(n_classes, n_excitatory) share of each class in a neuron's spikes, every class shown equally often; 0 for silent ones."""
    mean = np.zeros((n_classes, counts.shape[1]))
    for k in range(n_classes):
        if (labels == k).any():
            mean[k] = counts[labels == k].mean(axis=0)
    return mean / np.maximum(mean.sum(axis=0), 1e-12)


def answers(counts: NDArray[np.int64], shares: NDArray[np.float64]) -> NDArray[np.int64]:
    """(n_samples,) the class for which most spikes speak; ties to the lower class."""
    return (counts @ shares.T).argmax(axis=1).astype(np.int64)


def evaluate(data: Dataset, n: int | None, seed: int, progress: Progress, rule: Rule | None = None) -> Outcome:
    """Learn, or load what was learned before; label; answer ``n`` test digits (500 by default)."""
    rule = rule or Rule()
    if rule.labelling + rule.digits > len(data.x_train):
        raise DataError(f"{data.name} has {len(data.x_train)} training samples; {rule.labelling + rule.digits} are needed")
    learned = _cached(data, rule, seed, progress)
    last = slice(len(data.x_train) - rule.labelling, None)
    progress(f"DigitRecogSTDP: {rule.labelling} labelled digits tell what the neurons stand for")
    shares = labelled(present(learned, data.x_train[last], rule, seed), data.y_train[last], data.n_classes)
    x, y = data.x_test[: 500 if n is None else n], data.y_test[: 500 if n is None else n]
    said = answers(present(learned, x, rule, seed), shares)
    common = int(np.bincount(data.y_train).argmax())
    return Outcome(
        "DigitRecogSTDP",
        "accuracy, %",
        said == y,
        "test digits",
        y == common,
        f"always the digit that is commonest in training ({common})",
        notes=(
            f"learned without labels from {rule.digits} digits by STDP in Brian2; {rule.labelling} other training digits tell "
            f"what the {rule.n_excitatory} neurons stand for; all pixels, before pruning to the table's synapses",
        ),
    )


def _cached(data: Dataset, rule: Rule, seed: int, progress: Progress) -> Learned:
    shaping = sorted((key, value) for key, value in asdict(rule).items() if key != "labelling")
    digest = hashlib.sha256(repr((shaping, seed, data.digest, VERSION)).encode()).hexdigest()[:16]
    path = cache_directory() / f"DigitRecogSTDP-{digest}.stdp.npz"
    found = _read(path, rule)
    if found is not None:
        return found
    progress(f"DigitRecogSTDP: learning from {rule.digits} digits in Brian2")
    learned = learn(data.x_train[: rule.digits], rule, seed, progress)
    header: dict[str, Any] = {"format": FORMAT, "version": VERSION}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_archive(path, header, {"weights": learned.weights.ravel(), "raised": learned.raised}, DataError)
    except (OSError, DataError) as reason:
        log.warning("what DigitRecogSTDP learned could not be cached: %s", reason)
    return learned


def _read(path: Path, rule: Rule) -> Learned | None:
    if not path.exists():
        return None
    try:
        archive = Archive(path, FORMAT, VERSION, DataError)
        weights, raised = archive.array("weights", "f", 1), archive.array("raised", "f", 1)
        if len(raised) != rule.n_excitatory or weights.size % rule.n_excitatory or not np.isfinite(weights).all():
            archive.fail("weights", f"must be finite, of {rule.n_excitatory} neurons")
        return Learned(weights.reshape(-1, rule.n_excitatory), raised)
    except DataError as reason:
        log.warning("a cached STDP run cannot be used (%s); learning again", reason)
        return None
