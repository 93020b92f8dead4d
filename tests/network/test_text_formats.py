"""Lists of synapses and spikes as other tools write them."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spikemesh.errors import NetworkError, TraceError
from spikemesh.network import SpikeTrace, SpikingNetwork
from spikemesh.network.text_formats import (
    network_from_text,
    read_spikes,
    read_synapses,
    write_spikes,
    write_synapses,
)

quiet = settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])

SAME_SYNAPSES = {
    "blanks": "0 2 0.5 1.0\n1 3 -0.25 2.0\n",
    "tabs, ids as floats": "0.0\t2.0\t0.5\t1.0\n1.0\t3.0\t-0.25\t2.0\n",
    "commas, titles, comment": "pre,post,weight,delay\n# made by hand\n0,2,0.5,1\n\n1,3,-0.25,2 # last\n",
    "semicolons": "0;2;0.5;1\n1;3;-0.25;2",
    "other order, quoted titles": '"weight","j","i","delay_ms","note"\n0.5,2,0,1,7\n-0.25,3,1,2,7\n',
    "PyNN": '# columns = ["i", "j", "delay", "weight"]\n0\t2\t1.0\t0.5\n1\t3\t2.0\t-0.25\n',
    "PyNN with numpy 2": "np.int64(0)\tnp.int64(2)\tnp.float64(0.5)\tnp.float64(1.0)\n1 3 -0.25 2\n".replace("\t", " "),
    "Windows": "0 2 0.5 1.0\r\n1 3 -0.25 2.0\r\n",
}


def write(tmp_path, text, name="list.txt"):
    path = tmp_path / name
    path.write_text(text, newline="")
    return path


@pytest.mark.parametrize("text", SAME_SYNAPSES.values(), ids=SAME_SYNAPSES)
def test_synapses_are_read_however_they_are_written(tmp_path, text):
    synapses = read_synapses(write(tmp_path, text))
    assert synapses.pre.tolist() == [0, 1] and synapses.post.tolist() == [2, 3]
    assert synapses.weight.tolist() == [0.5, -0.25] and synapses.delay_ms.tolist() == [1.0, 2.0]


def test_delays_may_be_missing_and_files_empty(tmp_path):
    assert read_synapses(write(tmp_path, "0 1 0.5\n")).delay_ms is None
    for text in ("", "# nothing\n", "pre,post,weight\n"):
        assert len(read_synapses(write(tmp_path, text))) == 0


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("0 1 0.5\n0 x 0.5\n", "line 2"),
        ("# c\n0 1 0.5\n0 1\n", "line 3"),
        ("0 1\n", "2 columns"),
        ("0.5 1 0.5\n", "pre = 0.5 in row 1"),
        ("0 -1 0.5\n", "post = -1"),
        ("0 1 nan\n", "NaN or infinite"),
        ("pre,weight\n1,2\n", "no column post"),
        ("pre,post,weight\n1,2\n", "names 3 columns and has 2"),
        ("1,2,3\n1;2;3\n", "line 2"),
    ],
)
def test_lists_that_are_no_lists_are_refused_by_line(tmp_path, text, says):
    with pytest.raises(NetworkError, match=says) as caught:
        read_synapses(write(tmp_path, text))
    assert "list.txt" in str(caught.value)


def test_files_that_are_no_text_are_refused(tmp_path):
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00")
    for name in ("bytes", "missing", "."):
        with pytest.raises(NetworkError, match="cannot be read"):
            read_synapses(tmp_path / name)


def test_layers_are_joined_from_one_list_each(tmp_path):
    """As snn_toolbox saves them: one file a layer, indices from 0 in each, biases beside them."""
    first = write(tmp_path, "1 0 0.5 4\n0 0 0.25 1\n", "01Dense_2")
    plus, minus = write(tmp_path, "0 0 1 3\n", "02exc"), write(tmp_path, "1 0 -1 1\n", "02inh")
    bias = write(tmp_path, "0.125\n-0.5\n", "01Dense_2_biases")
    network, delays = network_from_text([first, [plus, minus]], [2, 2, 1], biases=[bias, [0.75]], name="mine")
    assert network.synapses.pre.tolist() == [0, 1, 2, 3] and network.synapses.post.tolist() == [2, 2, 4, 4]
    assert network.synapses.weight.tolist() == [0.25, 0.5, 1.0, -1.0]
    assert delays.tolist() == [0.0, 3.0, 2.0, 0.0]
    assert network.bias.tolist() == [0, 0, 0.125, -0.5, 0.75] and network.name == "mine"


def test_layers_that_do_not_fit_are_refused(tmp_path):
    path = write(tmp_path, "0 5 0.5 1\n")
    with pytest.raises(NetworkError, match="post names neuron 5; the layer has 2"):
        network_from_text([path], [2, 2])
    with pytest.raises(NetworkError, match="one more layer"):
        network_from_text([path], [2, 2, 2])
    with pytest.raises(NetworkError, match="no layer_sizes"):
        network_from_text([path])
    with pytest.raises(NetworkError, match="names neuron 5; there are 4"):
        network_from_text(path, [2, 2])
    with pytest.raises(NetworkError, match="2 biases for 1 layers"):
        network_from_text(path, [2, 6], biases=[None, None])
    with pytest.raises(NetworkError, match="biases of layer 1"):
        network_from_text(path, [2, 6], biases=[[1.0]])
    with pytest.raises(NetworkError, match="delays"):
        network_from_text(write(tmp_path, "0 1 0.5 -2\n"))


edge_lists = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 6), st.floats(-9, 9), st.integers(0, 9)), min_size=1, max_size=30
)


@quiet
@given(edge_lists)
def test_synapses_and_delays_round_trip_to_the_last_bit(tmp_path, rows):
    pre, post, weight, delay = ([row[k] for row in rows] for k in range(4))
    network = SpikingNetwork.from_edges(pre, post, weight, [3, 4])
    order = np.lexsort((post, pre))
    delays = np.array(delay, float)[order] / 4
    write_synapses(network, tmp_path / "s.csv", delays)
    again, their_delays = network_from_text(tmp_path / "s.csv", [3, 4])
    for name in ("pre", "post", "weight"):
        assert np.array_equal(getattr(again.synapses, name), getattr(network.synapses, name))
    assert np.array_equal(their_delays, delays)


def test_weights_can_be_scaled_to_the_threshold(tmp_path):
    network, _ = network_from_text(write(tmp_path, "0 1 15.0\n"), weight_scale=0.1)
    assert network.synapses.weight.tolist() == [1.5]


def test_spike_lists_become_traces(tmp_path):
    trace = read_spikes(write(tmp_path, "3 2.0\n1 0\n# end\n2 7.5\n"), n_neurons=4)
    assert trace.neurons.tolist() == [1, 3, 2] and trace.times_ms.tolist() == [0.0, 2.0, 7.5]
    assert (trace.n_samples, trace.duration_ms, trace.steps.tolist()) == (1, 8.0, [0, 2, 7])
    trace = read_spikes(write(tmp_path, "time_ms,id\n0.5,3\n"), n_neurons=4, duration_ms=20, dt_ms=0.1)
    assert trace.neurons.tolist() == [3] and trace.n_steps == 200 and trace.steps.tolist() == [5]
    trace = read_spikes(write(tmp_path, "1 0 3\n0 2 4\n"), n_neurons=4, n_samples=5)
    assert trace.samples.tolist() == [0, 1] and trace.neurons.tolist() == [2, 0] and trace.n_samples == 5
    assert read_spikes(write(tmp_path, ""), n_neurons=4).n_spikes == 0


@pytest.mark.parametrize(
    ("text", "options", "says"),
    [
        ("4 1\n", {}, "neuron 4; there are 4"),
        ("1 9\n", {"duration_ms": 5}, r"\[0, 5"),
        ("1 -1\n", {}, "spike times"),
        ("1.5 1\n", {}, "neuron = 1.5"),
        ("2 1 1\n", {"n_samples": 2}, "sample 2"),
        ("1 one\n", {}, "line 1"),
    ],
)
def test_spike_lists_that_do_not_fit_are_refused(tmp_path, text, options, says):
    with pytest.raises(TraceError, match=says) as caught:
        read_spikes(write(tmp_path, text), n_neurons=4, **options)
    assert "list.txt" in str(caught.value)


@quiet
@given(st.lists(st.tuples(st.integers(0, 2), st.floats(0, 19.99), st.integers(0, 5)), max_size=30))
def test_spikes_round_trip(tmp_path, spikes):
    samples, times, neurons = (np.array([s[k] for s in spikes]) for k in range(3))
    facts = {"n_samples": 3, "n_neurons": 6, "duration_ms": 20.0}
    trace = SpikeTrace.of(samples.astype(int), times.astype(float), neurons.astype(int), **facts)
    write_spikes(trace, tmp_path / "spikes.csv")
    again = read_spikes(tmp_path / "spikes.csv", **facts)
    for name in ("samples", "times_ms", "neurons"):
        assert np.array_equal(getattr(again, name), getattr(trace, name))
