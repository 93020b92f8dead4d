import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikemesh.errors import NetworkError
from spikemesh.network import SpikingNetwork
from spikemesh.spiking import relu_activations, run_layered


def chain(weights: list[np.ndarray], bias: np.ndarray | None = None) -> SpikingNetwork:
    sizes = [weights[0].shape[0], *(w.shape[1] for w in weights)]
    starts = np.cumsum([0, *sizes])
    pre, post, weight = [], [], []
    for k, w in enumerate(weights):
        i, j = np.indices(w.shape)
        pre.append(i.ravel() + starts[k])
        post.append(j.ravel() + starts[k + 1])
        weight.append(w.ravel())
    return SpikingNetwork.from_edges(
        np.concatenate(pre), np.concatenate(post), np.concatenate(weight), layer_sizes=sizes, bias=bias
    )


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_activations_are_a_relu_network_layer_by_layer(seed):
    rng = np.random.default_rng(seed)
    w = [rng.normal(0, 0.5, (5, 4)), rng.normal(0, 0.5, (4, 3))]
    bias = np.concatenate([np.zeros(5), rng.normal(0, 0.2, 7)])
    x = rng.random((2, 5))
    hidden = np.maximum(x @ w[0] + bias[5:9], 0)
    expected = np.concatenate([x, hidden, np.maximum(hidden @ w[1] + bias[9:], 0)], axis=1)
    assert relu_activations(chain(w, bias), x) == pytest.approx(expected)


def test_spike_rates_tend_to_the_activations():
    rng = np.random.default_rng(1)
    net = chain([rng.uniform(-0.2, 0.3, (8, 6)), rng.uniform(-0.2, 0.4, (6, 3))])
    x = rng.random((1, 8))
    rates = run_layered(net, x, duration_ms=4000, record="counts").counts / 4000
    assert rates == pytest.approx(relu_activations(net, x)[0], abs=0.01)


def test_recurrent_networks_and_wrong_inputs_are_refused():
    loop = SpikingNetwork.from_edges([0, 1, 2], [1, 2, 1], [1.0, 1.0, 1.0], layer_sizes=[1, 2])
    with pytest.raises(NetworkError, match="recurrent"):
        relu_activations(loop, [[0.5]])
    with pytest.raises(NetworkError, match="2 values"):
        relu_activations(chain([np.ones((3, 1))]), [[0.5, 0.5]])
