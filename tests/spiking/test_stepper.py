import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikemesh import SpikemeshError
from spikemesh.network import SpikingNetwork
from spikemesh.network.dynamics import grid_weights
from spikemesh.spiking import Drive, Stepper, accumulate, kernels, reference, run_reference


def drawn_network(seed, n_in=5, n_hidden=7, n_out=3, recurrent=True, **more):
    """Random synapses, some parallel, some backwards, strong enough that every layer fires."""
    rng = np.random.default_rng(seed)
    n, m = n_in + n_hidden + n_out, 60
    pre = rng.integers(0, n if recurrent else n_in + n_hidden, m)
    post = (
        rng.integers(0, n, m)
        if recurrent
        else np.where(pre < n_in, rng.integers(n_in, n_in + n_hidden, m), rng.integers(n_in + n_hidden, n, m))
    )
    more.setdefault("bias", rng.normal(0, 0.1, n))
    more.setdefault("initial_potential", rng.random(n))
    return SpikingNetwork.from_edges(pre, post, rng.normal(0.3, 0.6, m), [n_in, n_hidden, n_out], **more)


def step_through(network, sample, n_steps, **options):
    """The closed loop without a chip: what fires in one step arrives in the next."""
    stepper = Stepper(network, sample, **options)
    everything = Drive(network, network.indptr, np.arange(network.n_synapses))
    drive, fired = everything.zeros(), []
    for _ in range(n_steps):
        ids = stepper.step(drive)
        fired.append(ids)
        drive = everything.zeros()
        everything.accumulate(drive, ids)
    return stepper, fired


@pytest.mark.parametrize("encoding", ["constant", "poisson"])
@pytest.mark.parametrize("reset", ["subtract", "zero"])
@pytest.mark.parametrize("refractory_ms", [0.0, 3.0])
def test_stepping_a_sample_gives_the_spikes_of_the_reference(encoding, reset, refractory_ms):
    network = drawn_network(1, reset=reset, refractory_ms=refractory_ms)
    inputs = np.random.default_rng(2).random((3, 5))
    trace = run_reference(network, inputs, 40, seed=9, encoding=encoding)
    assert trace.n_spikes > 100
    for s in range(3):
        stepper, fired = step_through(network, inputs[s], 40, encoding=encoding, seed=9, sample_index=s)
        mine = [(k, i) for k, ids in enumerate(fired) for i in ids.tolist()]
        part = slice(*trace.sample_starts[s : s + 2])
        assert mine == list(zip(trace.steps[part].tolist(), trace.neurons[part].tolist(), strict=True))
        assert stepper.prediction() == trace.predictions[s]
        assert (stepper.output_potential == trace.output_potential[s]).all()
        assert stepper.counts.sum() == len(mine) and stepper.n_steps == 40


def test_a_neuron_with_half_the_threshold_fires_every_second_step():
    network = SpikingNetwork.from_edges([0], [1], [1.0], [1, 1])
    stepper, fired = step_through(network, [0.5], 6)
    assert [ids.tolist() for ids in fired] == [[], [0], [1], [0], [1], [0]]
    assert stepper.potential.tolist() == [0.0, 0.0]


def test_subtraction_keeps_the_surplus_and_zero_drops_it():
    for reset, left in (("subtract", 0.75), ("zero", 0.0)):
        network = SpikingNetwork.from_edges([0], [1], [1.75], [1, 1], reset=reset)
        stepper = Stepper(network, [0.0])
        assert stepper.step(np.array([0.0, 1.75])).tolist() == [1]
        assert stepper.potential[1] == left


def test_a_refractory_neuron_integrates_and_fires_when_the_time_has_passed():
    network = SpikingNetwork.from_edges([0], [1], [1.0], [1, 1], refractory_ms=3.0)
    stepper = Stepper(network, [1.0])
    fired = [stepper.step(np.zeros(2)).tolist() for _ in range(7)]
    assert fired == [[0], [], [], [0], [], [], [0]]
    assert stepper.potential[0] == 4.0


def test_poisson_inputs_spike_as_often_as_their_pixel_says():
    network = SpikingNetwork.from_edges([0], [3], [1.0], [3, 1], bias=[5.0, 5.0, 5.0, 0.0])
    _, fired = step_through(network, [0.0, 0.3, 1.0], 2000, encoding="poisson", seed=4)
    counts = np.bincount(np.concatenate(fired), minlength=4)
    assert counts[0] == 0 and counts[2] == 2000
    assert abs(counts[1] - 600) < 4 * np.sqrt(2000 * 0.3 * 0.7)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.booleans(), st.integers(1, 4), st.booleans())
def test_the_compiled_step_is_its_plain_twin(seed, subtract, refractory_steps, poisson):
    rng = np.random.default_rng(seed)
    n = 12
    inputs = rng.permutation(n)[:4].astype(np.int32)
    start, ready_from = rng.integers(-40, 60, n) / 16.0, rng.integers(0, 6, n).astype(np.int64)
    drawn = rng.random(4) < 0.5 if poisson else np.empty(0, bool)
    drive, current = rng.integers(-9, 9, n) / 8.0, rng.integers(0, 5, n) / 32.0
    results = []
    for twin in (kernels.advance, reference.advance):
        potential, ready, fired = start.copy(), ready_from.copy(), np.empty(n, np.int32)
        count = twin(3, potential, drive, current, inputs, drawn, subtract, refractory_steps, ready, fired)
        results.append((potential.tolist(), fired[:count].tolist(), np.maximum(ready, 4).tolist()))
    assert results[0] == results[1]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 30))
def test_accumulating_axon_entries_adds_the_weights_behind_them(seed, n_asked):
    rng = np.random.default_rng(seed)
    network = drawn_network(seed % 1000)
    order = rng.permutation(network.n_synapses)[: rng.integers(1, network.n_synapses)]
    starts = np.concatenate([[0], np.sort(rng.integers(0, len(order) + 1, 5)), [len(order)]])
    drive = Drive(network, starts, order)
    entries = rng.integers(0, 6, n_asked)
    compiled, plain, direct = drive.zeros(), drive.zeros(), drive.zeros()
    accumulate(compiled, drive.post, drive.weight, drive.starts, entries)
    reference.accumulate_entries(plain, drive.post, drive.weight, drive.starts, entries)
    for e in entries:
        for s in order[starts[e] : starts[e + 1]]:
            direct[network.synapses.post[s]] += grid_weights(network)[s]
    assert (compiled == plain).all() and (compiled == direct).all()


@pytest.mark.parametrize(
    ("starts", "order"), [([1, 2], [0, 1]), ([0, 3], [0, 1]), ([0, 2, 1, 2], [0, 1]), ([0, 1], [99]), ([], [])]
)
def test_axon_tables_that_contradict_the_network_are_refused(starts, order):
    with pytest.raises(SpikemeshError):
        Drive(drawn_network(0), starts, order)


def test_a_stepper_refuses_what_does_not_fit():
    network = drawn_network(0)
    with pytest.raises(SpikemeshError, match="5 values"):
        Stepper(network, [0.1] * 4)
    with pytest.raises(SpikemeshError, match=r"\[0, 1\]"):
        Stepper(network, [0.1, 0.2, np.nan, 0.4, 0.5])
    with pytest.raises(SpikemeshError, match="encoding"):
        Stepper(network, [0.1] * 5, encoding="rate")
    with pytest.raises(SpikemeshError, match="negative"):
        Stepper(network, [0.1] * 5, encoding="poisson", seed=-1)
    with pytest.raises(SpikemeshError, match="drive"):
        Stepper(network, [0.1] * 5).step(np.zeros(3))
