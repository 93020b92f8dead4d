"""DigitRecogSTDP: digits learned without labels by spike-timing-dependent plasticity, in Brian2, and pruned.

The network and its roles are those of Diehl and Cook (2015): pixels spike at random at rates of their grey level, all of them
excite 100 neurons, each of those excites one inhibitory partner, and each partner silences all the others, so that the neuron
that fits a digit best learns it alone. Ours is simpler, so that it learns within a minute or two: current-based neurons with a
leak of 100 ms, steps of 1 ms, 100 ms a digit, inhibition that sets the others back to rest. Kept are the adaptive threshold,
which grows with every spike of a neuron and lets the others win too, the rule that acts where the excitatory neuron spikes

    w <- clip(w + rate * (x_pre - 0.4), 0, 1)        x_pre: 1 at a pixel's spike, decaying with 20 ms

and the normalisation of each neuron's weights before every digit. Then all but 1,442 synapses are pruned, the smallest of each
neuron first, and what is left learns on, as the decomposition paper prunes its networks.

Labels come in afterwards: how a neuron's spikes are shared out among the classes of other training digits says how much each of
them speaks for a class.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikemesh.errors import DataError, SimulationError
from spikemesh.network import SpikingNetwork
from spikemesh.network.archive import Archive, write_archive
from spikemesh.workloads.datasets import Dataset
from spikemesh.workloads.outcome import ACCURACY, Outcome, Progress
from spikemesh.workloads.training import cache_directory

__all__ = ["Learned", "Rule", "evaluate", "labelled", "learn", "learned_and_pruned", "pruned"]

log = logging.getLogger("spikemesh")

FORMAT, VERSION = "spikemesh-stdp", 2
STEPS_MS = 200.0
"""A digit lasts this long when it is answered."""
LEAST = 1e-6
"""Weight of a synapse that learning brought to 0 and pruning left."""


@dataclass(frozen=True)
class Rule:
    """Numbers of the network and of its learning.

    digits, pruned_digits : shown before and after pruning, once each. steps : of 1 ms a digit. most_probability : of a spike of a
    white pixel a step. threshold, raise_by : of an excitatory neuron, and how much each of its spikes adds to it. total : sum of
    a neuron's weights. synapses, pixels : of the input, left by pruning.
    """

    n_excitatory: int = 100
    digits: int = 8000
    pruned_digits: int = 2000
    steps: int = 100
    most_probability: float = 0.1
    rate: float = 0.02
    target: float = 0.4
    threshold: float = 20.0
    raise_by: float = 0.3
    total: float = 78.0
    synapses: int = 1442
    pixels: int = 367
    labelling: int = 5000
    """digits, the last of the training half, that tell what the neurons' spikes stand for"""


@dataclass(frozen=True, eq=False)
class Learned:
    """weights : (n_pixels, n_excitatory), the sums of all neurons alike, 0 where there is no synapse. raised : (n_excitatory,)
    what the thresholds have gained."""

    weights: NDArray[np.float64]
    raised: NDArray[np.float64]


def _normalised(weights: NDArray[np.float64], total: float) -> NDArray[np.float64]:
    return weights * (total / np.maximum(weights.sum(axis=0), 1e-12))


class _Network:
    """The network in Brian2, with the state of its groups at hand."""

    def __init__(self, rule: Rule, start: Learned, rng: np.random.Generator) -> None:
        import brian2 as b2

        self.rule, self.shape, self.rng = rule, start.weights.shape, rng
        n_pixels, n = self.shape
        clock = b2.Clock(1 * b2.ms)
        common = {"clock": clock, "method": "exact"}
        pixels = b2.NeuronGroup(
            n_pixels, "dx/dt = -x / (20*ms) : 1\nfires : 1", threshold="fires > 0.5", reset="x = 1", **common
        )
        excitatory = b2.NeuronGroup(
            n,
            "dv/dt = -v / (100*ms) : 1\nraised : 1",
            threshold="v > base + raised",
            reset="v = 0; raised += step_up",
            namespace={"base": rule.threshold, "step_up": rule.raise_by},
            **common,
        )
        inhibitory = b2.NeuronGroup(n, "u : 1", threshold="u > 0.5", reset="u = 0", clock=clock)
        forward = b2.Synapses(
            pixels,
            excitatory,
            "w : 1",
            on_pre="v_post += w",
            on_post="w = clip(w + rate * (x_pre - aim), 0, 1)",
            namespace={"rate": rule.rate, "aim": rule.target},
            clock=clock,
        )
        self.pixel, self.neuron = np.nonzero(start.weights)
        forward.connect(i=self.pixel, j=self.neuron)
        partner = b2.Synapses(excitatory, inhibitory, on_pre="u_post = 1", clock=clock)
        partner.connect(j="i")
        silence = b2.Synapses(inhibitory, excitatory, on_pre="v_post = 0", clock=clock)
        silence.connect(condition="i != j")
        self.parts = (pixels, excitatory, inhibitory, forward, partner, silence)
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
        self.state["w"][:] = start.weights[self.pixel, self.neuron]
        self.state["raised"][:] = start.raised

    def show(self, digits: NDArray[np.floating], progress: Progress | None = None) -> None:
        """Each of (n_digits, n_pixels) in [0, 1], once."""
        rule = self.rule
        probability = np.zeros(self.shape[0])

        # order -1: before the neurons' own work in the same slot
        @self.brian2.network_operation(clock=self.clock, when="start", order=-1, name="digits")  # type: ignore[untyped-decorator]
        def load() -> None:
            digit, step = divmod(int(self.time[0]), rule.steps)
            if step == 0:
                probability[:] = digits[digit] * rule.most_probability
                for key in ("x", "v", "u"):
                    self.state[key][:] = 0
                weights = self.state["w"]
                total = np.bincount(self.neuron, weights=weights, minlength=rule.n_excitatory)
                weights *= (rule.total / np.maximum(total, 1e-12))[self.neuron]
                if progress is not None and digit and digit % 1000 == 0:
                    progress(f"DigitRecogSTDP: {digit} of {len(digits)} digits learned from")
            self.state["fires"][:] = self.rng.random(len(probability)) < probability

        net = self.brian2.Network(*self.parts, load)
        net.run(len(digits) * rule.steps * self.brian2.ms, namespace={})
        if net._globally_stopped:
            raise KeyboardInterrupt  # Brian2 catches Ctrl-C and returns what it has

    def learned(self) -> Learned:
        weights = np.zeros(self.shape)
        weights[self.pixel, self.neuron] = self.state["w"]
        return Learned(_normalised(weights, self.rule.total), np.array(self.state["raised"]))


def learn(
    samples: NDArray[np.floating], rule: Rule, seed: int = 0, progress: Progress | None = None, start: Learned | None = None
) -> Learned:
    """Show every sample once, (n, ...) in [0, 1], and return what the weights became. Same seed, same weights.

    start : learned before and pruned; synapses of weight 0 are not there, and none comes to that. By default all are there, with
        drawn weights.
    """
    from spikemesh.network.brian2_export import codegen_target

    flat = np.asarray(samples, np.float64).reshape(len(samples), -1)
    if not len(flat) or not ((flat >= 0) & (flat <= 1)).all():
        raise SimulationError("digits must be one sample or more, with values in [0, 1]")
    rng = np.random.default_rng(seed)
    begin = start
    if begin is None:
        drawn = rng.uniform(0.1, 1, (flat.shape[1], rule.n_excitatory))
        begin = Learned(_normalised(drawn, rule.total), np.zeros(rule.n_excitatory))
    with codegen_target("numpy"):
        net = _Network(rule, begin, rng)
        net.show(flat, progress)
    found = net.learned()
    return found if start is None else replace(found, weights=_left(start.weights > 0, found.weights))


def pruned(learned: Learned, rule: Rule) -> Learned:
    """The ``rule.synapses`` largest synapses, counted within each neuron, from ``rule.pixels`` pixels.

    A synapse counts by its rank among those of its neuron, then by its weight, so that every neuron keeps about as many. Pixels
    are those of the largest single weights; each keeps at least the synapse that counts most.
    """
    weights = learned.weights
    rank = np.argsort(np.argsort(-weights, axis=0, kind="stable"), axis=0)
    counts = weights / (weights.max() * (1 + 1e-9)) - rank
    chosen = np.sort(np.argsort(-weights.max(axis=1), kind="stable")[: rule.pixels])
    keep = np.zeros(weights.shape, bool)
    keep[chosen, counts[chosen].argmax(axis=1)] = True
    others = np.full(weights.shape, -np.inf)
    others[chosen] = np.where(keep[chosen], -np.inf, counts[chosen])
    more = np.argsort(-others, axis=None, kind="stable")[: rule.synapses - len(chosen)]
    keep.ravel()[more] = True
    return Learned(_normalised(_left(keep, weights), rule.total), learned.raised)


def _left(keep: NDArray[np.bool_], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(keep, np.maximum(weights, LEAST), 0.0)


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


def evaluate(
    network: SpikingNetwork, data: Dataset, n: int | None, progress: Progress, fitted_to: SpikingNetwork | None = None
) -> Outcome:
    """Label the outputs on training digits and answer the first ``n`` test digits (all by default), in integrate-and-fire neurons.

    fitted_to : the network whose spikes the labels are found for, ``network`` by default.
    """
    from spikemesh.spiking import run_layered

    def counts(of: SpikingNetwork, digits: NDArray[np.floating]) -> NDArray[np.int64]:
        return run_layered(of, digits, STEPS_MS, record="counts").output_counts

    rule = Rule()
    last = slice(len(data.x_train) - rule.labelling, None)
    x, y = data.x_test[:n], data.y_test[:n]
    progress(f"DigitRecogSTDP: {rule.labelling} labelled digits tell what the neurons stand for, {len(y)} are answered")
    shares = labelled(counts(fitted_to or network, data.x_train[last]), data.y_train[last], data.n_classes)
    common = int(np.bincount(data.y_train).argmax())
    return Outcome(
        "DigitRecogSTDP",
        ACCURACY,
        answers(counts(network, x), shares) == y,
        "test digits",
        y == common,
        f"always the digit that is commonest in training ({common})",
        notes=(
            f"learned without labels by STDP in Brian2, pruned to {rule.synapses} input synapses; {rule.labelling} other "
            f"training digits tell what the {len(network.output_ids)} neurons stand for",
        ),
    )


def learned_and_pruned(data: Dataset, seed: int, progress: Progress, rule: Rule | None = None) -> Learned:
    """Learn, prune, learn on; from the cache where that was done before.

    Raises
    ------
    DataError
        where the data have too few training samples.
    """
    rule = rule or Rule()
    shown = rule.digits + rule.pruned_digits
    if rule.labelling + shown > len(data.x_train):
        raise DataError(f"{data.name} has {len(data.x_train)} training samples; {rule.labelling + shown} are needed")
    shaping = sorted((key, value) for key, value in asdict(rule).items() if key != "labelling")
    digest = hashlib.sha256(repr((shaping, seed, data.digest, VERSION)).encode()).hexdigest()[:16]
    path = cache_directory() / f"DigitRecogSTDP-{digest}.stdp.npz"
    found = _read(path, rule)
    if found is not None:
        return found
    progress(f"DigitRecogSTDP: learning from {rule.digits} digits in Brian2")
    whole = learn(data.x_train[: rule.digits], rule, seed, progress)
    progress(f"DigitRecogSTDP: {rule.pruned_digits} more with {rule.synapses} synapses")
    learned = learn(data.x_train[rule.digits : shown], rule, seed, progress, pruned(whole, rule))
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
