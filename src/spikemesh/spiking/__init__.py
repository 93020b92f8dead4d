"""Running spiking networks: Brian2, the fast layered engine, and the single-sample stepper of the closed loop."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spikemesh.spiking.brian import run_brian2
    from spikemesh.spiking.faithful import Fidelity, fidelity
    from spikemesh.spiking.layered import SpikeCounts, replay, run_layered
    from spikemesh.spiking.rate_model import relu_activations
    from spikemesh.spiking.reference import run_reference
    from spikemesh.spiking.stepper import Drive, Stepper, accumulate
    from spikemesh.spiking.stream import Stream

# Brian2 and numba load with the first name that needs them.
_HOME = {
    "Drive": "stepper",
    "Fidelity": "faithful",
    "SpikeCounts": "layered",
    "Stepper": "stepper",
    "Stream": "stream",
    "accumulate": "stepper",
    "fidelity": "faithful",
    "relu_activations": "rate_model",
    "replay": "layered",
    "run_brian2": "brian",
    "run_layered": "layered",
    "run_reference": "reference",
}

__all__ = [
    "Drive",
    "Fidelity",
    "SpikeCounts",
    "Stepper",
    "Stream",
    "accumulate",
    "fidelity",
    "relu_activations",
    "replay",
    "run_brian2",
    "run_layered",
    "run_reference",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'spikemesh.spiking' has no attribute {name!r}")
    return getattr(import_module(f"spikemesh.spiking.{_HOME[name]}"), name)
