"""Files: what goes in comes out, and nothing damaged gets through."""

import json
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spikemesh import SpikemeshError
from spikemesh.errors import NetworkError, TraceError
from spikemesh.network import (
    Convolution,
    Dense,
    Edges,
    Layer,
    OneToOne,
    Pooling,
    Projection,
    SpikeTrace,
    SpikingNetwork,
    Window,
    load_network,
    load_trace,
)
from spikemesh.network.archive import write_archive

quiet = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])


def sample_network(dtype=np.float32):
    """One of each connectivity, every field away from its default."""
    rng = np.random.default_rng(0)
    conv = Convolution(rng.normal(size=(2, 3, 1, 4)).astype(dtype), Window.of((5, 4), (2, 3), (2, 1), "same", (1, 1)), 2)
    pool = Pooling(Window.of((3, 4), (2, 2), (2, 2), "same"), rng.random(4))
    layers = (Layer("in", (5, 4, 2), "input"), Layer("c", (3, 4, 4), "conv"), Layer("p", (2, 2, 4), "pool"), Layer("o", (3,)))
    projections = (
        Projection(0, 40, conv),
        Projection(40, 88, pool),
        Projection(88, 104, Dense(rng.normal(size=(16, 3)).astype(dtype))),
        Projection(40, 42, OneToOne(rng.random(5), 1, 8)),
        Projection(100, 0, SpikingNetwork.from_edges([0, 0, 3], [1, 1, 0], [0.1, 0.2, -0.3]).projections[0].connectivity),
    )
    return SpikingNetwork(
        layers,
        projections,
        bias=rng.normal(size=107),
        initial_potential=rng.random(107),
        input_ids=np.arange(3, 9),
        output_ids=np.array([106, 104]),
        reset="zero",
        refractory_ms=2.5,
        dt_ms=0.1,
        weights="trained",
        name="Ünïcode \u2603",
    )


def assert_networks_equal(a, b):
    for name in ("layers", "reset", "refractory_ms", "dt_ms", "weights", "name"):
        assert getattr(a, name) == getattr(b, name), name
    for name in ("bias", "initial_potential", "input_ids", "output_ids"):
        assert np.array_equal(getattr(a, name), getattr(b, name)), name
        assert getattr(a, name).dtype == getattr(b, name).dtype
    assert len(a.projections) == len(b.projections)
    for p, q in zip(a.projections, b.projections, strict=True):
        assert (p.pre_start, p.post_start, type(p.connectivity)) == (q.pre_start, q.post_start, type(q.connectivity))
        for name in ("pre", "post", "weight"):
            mine, other = (getattr(x.connectivity.edges(), name) for x in (p, q))
            assert np.array_equal(mine, other) and mine.dtype == other.dtype


def assert_traces_equal(a, b):
    for name in ("samples", "times_ms", "neurons", "predictions", "labels", "output_potential"):
        mine, other = getattr(a, name), getattr(b, name)
        assert (mine is None) == (other is None), name
        if mine is not None:
            assert np.array_equal(mine, other) and mine.dtype == other.dtype, name
    for name in ("n_samples", "n_neurons", "duration_ms", "dt_ms"):
        assert getattr(a, name) == getattr(b, name)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_network_comes_back_with_every_field(tmp_path, dtype):
    network = sample_network(dtype)
    network.save(tmp_path / "net.npz")
    assert_networks_equal(load_network(tmp_path / "net.npz"), network)
    assert_networks_equal(load_network(str(tmp_path / "net.npz")), network)


def test_implicit_connectivities_stay_implicit(tmp_path):
    window = Window.of((112, 112), (3, 3), padding="same")
    size = 112 * 112 * 64
    network = SpikingNetwork(
        (Layer("a", (112, 112, 64), "input"), Layer("b", (112, 112, 64))),
        (Projection(0, size, Convolution(np.zeros((3, 3, 64, 64), np.float32), window)),),
    )
    network.save(tmp_path / "big.npz")
    assert (tmp_path / "big.npz").stat().st_size < 10_000
    assert load_network(tmp_path / "big.npz").n_synapses == network.n_synapses > 4.5e8


def test_a_connectivity_of_ones_own_is_kept_as_its_synapses(tmp_path):
    class Ring:
        n_pre = n_post = n_synapses = 4

        def fan_in(self):
            return np.ones(4, np.int64)

        fan_out = fan_in

        def edges(self):
            return Edges(np.arange(4, dtype=np.int32), np.array([1, 2, 3, 0], np.int32), np.ones(4))

    network = SpikingNetwork((Layer("ring", (4,)),), (Projection(0, 0, Ring()),))
    network.save(tmp_path / "ring.npz")
    assert load_network(tmp_path / "ring.npz").synapses.post.tolist() == [1, 2, 3, 0]


finite = st.floats(-100, 100, width=32)


@quiet
@given(
    st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7), finite), max_size=30),
    st.lists(finite, min_size=8, max_size=8),
    st.text(max_size=8).filter(lambda s: s.isprintable()),
)
def test_any_graph_round_trips(tmp_path, triples, bias, name):
    pre, post, weight = ([t[k] for t in triples] for k in range(3))
    network = SpikingNetwork.from_edges(pre, post, weight, [3, 5], bias=bias, name=name)
    network.save(tmp_path / "n.npz")
    assert_networks_equal(load_network(tmp_path / "n.npz"), network)


spike_lists = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 19), st.integers(0, 5)), max_size=40)


@quiet
@given(spike_lists, st.sampled_from([1.0, 0.1, 1 / 3]), st.booleans(), st.booleans())
def test_any_trace_round_trips(tmp_path, spikes, dt_ms, off_grid, answered):
    table = np.array(spikes, int).reshape(-1, 3)
    more = {}
    if answered:
        more = {"predictions": [0, 1, -1, 2], "labels": [3, 2, 1, 0], "output_potential": np.arange(8).reshape(4, 2) / 3}
    trace = SpikeTrace.of(
        table[:, 0],
        table[:, 1] * dt_ms + (0.013 if off_grid else 0.0),
        table[:, 2],
        n_samples=4,
        n_neurons=6,
        duration_ms=20 * dt_ms,
        dt_ms=dt_ms,
        **more,
    )
    trace.save(tmp_path / "t.npz")
    assert_traces_equal(load_trace(tmp_path / "t.npz"), trace)


def saved(tmp_path, kind):
    path = tmp_path / f"{kind}.npz"
    if kind == "network":
        sample_network().save(path)
        return path, lambda p: assert_networks_equal(load_network(p), sample_network()), NetworkError
    trace = SpikeTrace.of(
        [0, 1, 1], [1, 0, 5], [2, 0, 1], n_samples=2, n_neurons=3, duration_ms=9, labels=[0, 1], predictions=[1, 1]
    )
    trace.save(path)
    return path, lambda p: assert_traces_equal(load_trace(p), trace), TraceError


def test_equal_content_gives_equal_files(tmp_path):
    for kind in ("network", "trace"):
        path, _, _ = saved(tmp_path, kind)
        first = path.read_bytes()
        path.unlink()
        saved(tmp_path, kind)
        assert path.read_bytes() == first


@pytest.mark.parametrize("kind", ["network", "trace"])
def test_a_changed_byte_is_noticed_or_harmless(tmp_path, kind):
    path, check, error = saved(tmp_path, kind)
    whole = path.read_bytes()
    broken = tmp_path / "broken.npz"
    rng = np.random.default_rng(1)
    refused = 0
    for place in rng.choice(len(whole), 300, replace=False):
        data = bytearray(whole)
        data[place] ^= int(rng.integers(1, 256))
        broken.write_bytes(data)
        try:
            check(broken)
        except error as problem:
            refused += 1
            assert str(broken) in str(problem)
    assert refused > 150


@pytest.mark.parametrize("kind", ["network", "trace"])
def test_truncated_files_are_refused(tmp_path, kind):
    path, check, error = saved(tmp_path, kind)
    whole = path.read_bytes()
    for length in (0, 1, 3, 30, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(error, match=path.name):
            check(path)


def tampered(path, change):
    """The file with its members changed by hand, its sums right: damage that only checks of content can find."""
    with np.load(path) as file:
        members = dict(file)
    header = json.loads(members.pop("header").tobytes())
    del header["arrays"]  # written anew
    change(header, members)
    write_archive(path, header, members, SpikemeshError)


def put(key, value):
    return lambda header, _: header.__setitem__(key, value)


def put_array(key, value):
    return lambda _, arrays: arrays.__setitem__(key, np.asarray(value))


def in_projection(k, key, value):
    return lambda header, _: header["projections"][k].__setitem__(key, value)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (put("format", "spikemesh-trace"), "format is 'spikemesh-trace'"),
        (put("version", 2), "version is 2; this spikemesh reads up to 1"),
        (put("version", True), "version must be a whole number"),
        (put("dt_ms", "1"), "dt_ms must be a number"),
        (put("dt_ms", -1.0), "dt_ms must be positive"),
        (put("name", 3), "name must be a text"),
        (put("reset", "never"), "reset must be"),
        (put("colour", "red"), "colour is not known"),
        (lambda h, _: h.pop("layers"), "layers is missing"),
        (put("layers", [{"name": "a"}]), "layers must be a list of objects"),
        (put("layers", [{"name": "a", "shape": [0], "kind": "x"}]), "layers must be a whole number of at least 1"),
        (put("layers", [{"name": "a", "shape": [106], "kind": "x"}]), "exceeds the 106 neurons"),
        (put("projections", {}), "projections must be a list"),
        (in_projection(0, "kind", "magic"), "projection0 is of unknown kind 'magic'"),
        (in_projection(0, "groups", 3), "projection0 contradicts itself"),
        (in_projection(0, "size", [2, 2]), "projection0 contradicts itself"),
        (in_projection(0, "size", [2]), "projection0.size must be a list of 2"),
        (in_projection(0, "stride", [0, 1]), "projection0.stride must be a whole number of at least 1"),
        (in_projection(1, "pre_start", -4), "projection1 must be a whole number"),
        (in_projection(2, "post_start", 10**6), "exceeds the 107 neurons"),
        (in_projection(3, "n_pre", 4), r"projection3.weight has 5 entries for n_pre = 4"),
        (in_projection(4, "n_post", 1), "names neuron 1"),
        (lambda _, a: a.pop("output_ids"), "output_ids is missing"),
        (lambda _, a: a.pop("projection2.weight"), "projection2.weight is missing"),
        (put_array("bias", np.zeros(3)), "bias must be 107"),
        (put_array("bias", np.full(107, np.nan)), "bias must be 107 finite"),
        (put_array("bias", np.zeros(107, int)), "bias must hold floats"),
        (put_array("input_ids", [1, 2]), "input_ids must hold integers on 2 axes"),
        (put_array("input_ids", [[107, 1]]), "input_ids names neuron 107"),
        (put_array("input_ids", [[3, 0]]), "input_ids must hold runs"),
        (put_array("input_ids", [[0, 100], [0, 100]]), "input_ids names 200 neurons; there are 107"),
        (put_array("projection0.kernel", np.full((2, 3, 1, 4), np.inf)), "NaN or infinite"),
        (put_array("stray", [1.0]), "stray is not known"),
    ],
)
def test_a_network_file_that_contradicts_itself_is_refused_by_key(tmp_path, change, says):
    path, _, _ = saved(tmp_path, "network")
    tampered(path, change)
    with pytest.raises(NetworkError, match=says) as caught:
        load_network(path)
    assert str(caught.value).startswith(str(path))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (put("format", "spikemesh-network"), "format is"),
        (put("n_neurons", 1), "neuron 2; there are 1"),
        (put("n_neurons", 0), "n_neurons must be"),
        (put("duration_ms", 3.0), r"\[0, 3.0\)"),
        (put("dt_ms", 0.0), "positive"),
        (put_array("spikes_per_sample", [1, 1]), "spikes_per_sample adds up to 2 for 3"),
        (put_array("spikes_per_sample", [-1, 4]), "spikes_per_sample"),
        (put_array("spikes_per_sample", [2**63 - 1, 2**63 - 1, 5]), "spikes_per_sample"),
        (put_array("steps", [1, 0]), "one length"),
        (put_array("steps", [1.0, 0.0, 5.0]), "steps must hold integers"),
        (put_array("labels", [1]), "labels must be one a sample"),
        (put_array("output_potential", [[1.0]]), "output_potential must be"),
        (lambda _, a: a.pop("neurons"), "neurons is missing"),
        (lambda _, a: a.pop("steps"), "times_ms is missing"),
    ],
)
def test_a_trace_file_that_contradicts_itself_is_refused_by_key(tmp_path, change, says):
    path, _, _ = saved(tmp_path, "trace")
    tampered(path, change)
    with pytest.raises(TraceError, match=says) as caught:
        load_trace(path)
    assert str(caught.value).startswith(str(path))


def test_foreign_files_are_refused(tmp_path):
    path = tmp_path / "foreign.npz"
    np.savez(path, part=np.arange(3))
    with pytest.raises(NetworkError, match="header is missing: this is not a spikemesh-network file"):
        load_network(path)
    text = b'{"format": "spikemesh-network", "version": 1, "arrays": []}'
    np.savez(path, header=np.frombuffer(text, np.uint8), bias=np.zeros(3))
    with pytest.raises(NetworkError, match="arrays names other arrays than the file holds: bias"):
        load_network(path)
    np.savez(path, header=np.frombuffer(b"{nonsense", np.uint8))
    with pytest.raises(NetworkError, match="not JSON"):
        load_network(path)
    np.savez(path, header=np.frombuffer(b"[1]", np.uint8))
    with pytest.raises(NetworkError, match="not a JSON object"):
        load_network(path)
    with pytest.raises(NetworkError, match="no such file"):
        load_network(tmp_path / "missing.npz")
    with pytest.raises(NetworkError, match="cannot be read"):
        load_network(tmp_path)
    with zipfile.ZipFile(path, "w") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("header.npy", b"")
        archive.writestr("header.npy", b"")
    with pytest.raises(NetworkError, match="two members"):
        load_network(path)


def test_pickled_objects_are_never_opened(tmp_path):
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "sprung"), "w"))

    path = tmp_path / "trap.npz"
    np.savez(path, header=np.array([Trap()], dtype=object), allow_pickle=True)
    with pytest.raises(NetworkError, match="Python objects"):
        load_network(path)
    assert not (tmp_path / "sprung").exists()


def test_writing_fails_without_leaving_anything(tmp_path, monkeypatch):
    network = sample_network()
    with pytest.raises(NetworkError, match="cannot be written"):
        network.save(tmp_path / "no" / "such" / "folder.npz")
    path = tmp_path / "net.npz"
    network.save(path)
    before = path.read_bytes()

    def full_disk(*_args, **_options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np.lib.format, "write_array", full_disk)
    with pytest.raises(NetworkError, match="No space left"):
        network.save(path)
    assert [p.name for p in tmp_path.iterdir()] == ["net.npz"] and path.read_bytes() == before


def test_numpy_alone_reads_the_files(tmp_path):
    path, _, _ = saved(tmp_path, "trace")
    with np.load(path) as file:
        assert file["neurons"].tolist() == [2, 0, 1] and file["steps"].tolist() == [1, 0, 5]
        assert json.loads(file["header"].tobytes())["format"] == "spikemesh-trace"
