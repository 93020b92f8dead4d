import signal

import numpy as np
import pytest

from spikemesh.network import SpikingNetwork
from spikemesh.spiking import run_brian2


def test_ctrl_c_is_not_a_short_trace():
    net = SpikingNetwork.from_edges([0], [1], [0.5], layer_sizes=[1, 1])

    def interrupt(done: int, total: int) -> None:
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run_brian2(net, np.ones((4, 1)), duration_ms=20, batch_size=1, progress=interrupt)
    assert run_brian2(net, np.ones((1, 1)), duration_ms=20).n_spikes == 29, "and the next run is whole again"
