"""Puts the tables of a comparison into one set of results: table, manifest, drawings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from spikemesh.report import Results
from spikemesh.scenario.comparison import ChipComparison, Question

if TYPE_CHECKING:
    from spikemesh.workloads import Prepared

__all__ = ["assemble"]


def assemble(
    scenario: str,
    title: str,
    question_text: str,
    question: Question,
    prepared: Prepared,
    tables: Sequence[ChipComparison],
    options: Mapping[str, Any],
    notes: Sequence[str] = (),
) -> Results:
    """One table of all chips; a manifest with every parameter, seed and source; the drawings of every mapping."""
    import pandas as pd

    network, data = question.network, prepared.dataset
    manifest = {
        "scenario": scenario,
        "title": title,
        "question": question_text,
        "created": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "seed": question.seed,
        "samples": len(question.labels),
        "duration_ms": question.duration_ms,
        "network": {
            "name": network.name,
            "neurons": network.n_neurons,
            "synapses": network.n_synapses,
            "layer_sizes": network.layer_sizes,
            "weights": network.weights,
            "dataset": data.name if data is not None else "none",
            "verdict": prepared.verdict,
        },
        "notes": list(notes),
        "parameters": {
            "options": dict(options),
            "run": {"encoding": question.encoding, "late": question.late, "engine": question.engine},
            **{f"hardware.{c.hardware.name}": c.hardware.parameters() for c in tables},
        },
        "sources": {
            c.hardware.name: {key: {"citation": s.citation, "confidence": s.confidence} for key, s in c.hardware.source.items()}
            for c in tables
        },
    }
    drawings = [drawing for comparison in tables for drawing in comparison.drawings]
    return Results(pd.concat([c.table for c in tables], ignore_index=True), manifest, drawings)
