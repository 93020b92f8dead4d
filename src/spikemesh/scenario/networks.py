"""From a name to a network, its data and its spikes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from spikemesh.errors import DataError
from spikemesh.network import SpikeTrace, SpikingNetwork
from spikemesh.scenario.comparison import Question
from spikemesh.scenario.progress import Progress
from spikemesh.spiking import run_brian2
from spikemesh.workloads import available_datasets, prepare

if TYPE_CHECKING:
    from spikemesh.workloads import Prepared

__all__ = ["network_and_rates", "network_and_trace", "pick_network", "prepare_question"]


def pick_network(name: str) -> str:
    """``name``, or for "auto" the MLP of MNIST where MNIST is at hand, else the small net of the 8x8 digits."""
    if name != "auto":
        return name
    return "MLP_mnist" if "mnist" in available_datasets() else "digits_cnn"


def prepare_question(
    name: str,
    samples: int,
    duration_ms: float,
    seed: int,
    engine: str,
    progress: Progress,
    *,
    encoding: str = "constant",
) -> tuple[Question, Prepared]:
    """Trains or loads a workload, takes the first test samples and runs them in Brian2.

    Raises
    ------
    DataError
        where the workload is no trained classifier, or its data is not at hand: a comparison needs answers.
    """
    prepared = _prepared(name, seed, progress)
    data = prepared.labelled_data("there are no answers to compare; `spikemesh map` takes it as it is")
    trace = _run(prepared, samples, duration_ms, seed, progress, encoding)
    inputs, labels = data.x_test[:samples], np.asarray(data.y_test[:samples], np.int64)
    ann = prepared.ann_predictions(inputs)
    progress.say(f"right: ANN {np.mean(ann == labels):.1%}, SNN {trace.accuracy:.1%} of {len(labels)}")
    question = Question(prepared.network, inputs, labels, trace, ann, duration_ms, encoding, seed, engine)
    return question, prepared


def _prepared(name: str, seed: int, progress: Progress) -> Prepared:
    name = pick_network(name)
    progress.say(f"preparing {name}: training, or loading what was trained before")
    prepared = prepare(name, seed=seed, progress=progress.say)
    net = prepared.network
    progress.say(f"{name}: {net.n_neurons} neurons, {net.n_synapses} synapses, weights {net.weights}")
    return prepared


def _run(
    prepared: Prepared, samples: int, duration_ms: float, seed: int, progress: Progress, encoding: str = "constant"
) -> SpikeTrace:
    """Spikes of the first samples, by Brian2; with labels where the outputs are classes."""
    inputs = prepared.inputs(samples)
    of = "its own samples" if prepared.dataset is None else prepared.dataset.name
    labels = prepared.dataset.y_test[:samples] if prepared.classifies and prepared.dataset is not None else None
    with progress.bar(f"Brian2 runs {len(inputs)} samples of {of}, {duration_ms:g} ms each", len(inputs)):
        trace = run_brian2(prepared.network, inputs, duration_ms, seed, encoding=encoding, labels=labels)
    progress.say(f"{trace.n_spikes} spikes")
    return trace


def network_and_rates(
    name_or_path: str, trace_path: Path | None, samples: int, duration_ms: float, seed: int, progress: Progress
) -> tuple[SpikingNetwork, SpikeTrace | None]:
    """As :func:`network_and_trace`, but without a trace where none is given and none can be made: every neuron counts 1 Hz.

    That is so for workloads without samples at hand, and for those too large for their synapses to be listed.
    """
    if trace_path is not None or name_or_path.endswith(".npz"):
        return network_and_trace(name_or_path, trace_path, samples, duration_ms, seed, progress)
    prepared = _prepared(name_or_path, seed, progress)
    if prepared.has_samples and not prepared.network.is_streamed:
        return prepared.network, _run(prepared, samples, duration_ms, seed, progress)
    why = "it is too large to be run" if prepared.has_samples else "its data is not at hand"
    progress.say(f"{prepared.network.name}: {why}, and no --trace is given: every neuron counts 1 Hz")
    return prepared.network, None


def network_and_trace(
    name_or_path: str, trace_path: Path | None, samples: int, duration_ms: float, seed: int, progress: Progress
) -> tuple[SpikingNetwork, SpikeTrace]:
    """A network by a workload's name or from its file, with a trace from a file or from a Brian2 run of test samples."""
    from spikemesh.network import load_network, load_trace

    if name_or_path.endswith(".npz"):
        network = load_network(name_or_path)
        if trace_path is None:
            raise DataError(f"{name_or_path}: a network file holds no samples; give its spikes with --trace")
        return network, load_trace(trace_path)
    if trace_path is not None:
        return prepare(name_or_path, seed=seed, progress=progress.say).network, load_trace(trace_path)
    prepared = _prepared(name_or_path, seed, progress)
    if not prepared.has_samples:
        raise DataError(
            f"{prepared.network.name}: its data is not at hand, so there is nothing to run; give spikes with --trace"
        )
    return prepared.network, _run(prepared, samples, duration_ms, seed, progress)
