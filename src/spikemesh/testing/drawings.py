"""A small mapping as a results folder describes it, to test what draws and reads it."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["DRAWING", "MANIFEST"]

DRAWING: dict[str, Any] = {
    "chip": "dynap-se",
    "recipe": "auto",
    "mesh": {"cols": 2, "rows": 1},
    "facts": {"mesh": "2 x 1 tiles"},
    "layers": ["input", "dense<1>"],
    "clusters": {
        "tile": [1],
        "neurons": [3],
        "rows": [2],
        "crosspoints": [6],
        "layer": [1],
        "contents": ["dense<1> 0-2"],
        "traffic": ["sends 6 spikes to other tiles, gets 0"],
    },
    "link_flits": [[4, 0, 0, 0], [0, 2, 0, 0]],
    "load_over_time": {"first_step": [0, 1], "step_ms": 1.0, "links": [[0, 3], [0, 1, 5, 2]]},
    "latency_parts_cycles": {"encoder": 1.5, "network": 2.0},
    "latency_quantiles_cycles": {
        name: np.linspace(0, k + 1, 101).round().tolist()
        for k, name in enumerate(("whole", "encoder", "source_queue", "network", "ejection", "crossbar"))
    },
    "energy_pj": {"interconnect": 10.0, "tile": 5.0},
    "energy_parts_pj": {"hops_x": 10.0, "spike": 5.0, "unused_neuron": 1.0},
    "trail": [],
}
MANIFEST: dict[str, Any] = {
    "scenario": "s",
    "title": "a < b",
    "question": "why?",
    "created": "now",
    "seed": 1,
    "samples": 2,
    "duration_ms": 10.0,
    "notes": [],
    "parameters": {"hardware.dynap-se": {"noc": {"cycle_ns": 15.4}}},
    "sources": {"dynap-se": {"noc.cycle_ns": {"citation": "a paper", "confidence": "READ"}}},
}
