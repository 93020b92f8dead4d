"""Puts what a scenario found into one set of results: table, manifest, drawings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from spikemesh.hardware import Hardware
from spikemesh.report import Results
from spikemesh.scenario.comparison import ChipComparison, Question

if TYPE_CHECKING:
    import pandas as pd

    from spikemesh.network import SpikeTrace, SpikingNetwork
    from spikemesh.workloads import Prepared

__all__ = ["assemble_comparison", "assemble_run", "assemble_study", "manifest_head", "sources_of"]


def assemble_comparison(
    scenario: str,
    question_text: str,
    question: Question,
    prepared: Prepared,
    tables: Sequence[ChipComparison],
    options: Mapping[str, Any],
) -> Results:
    """One table of all chips; a manifest with every parameter, seed and source; the drawings of every mapping."""
    import pandas as pd

    title = f"{question.network.name}: mappings compared"
    manifest = _manifest(scenario, title, question_text, question, prepared, [c.hardware for c in tables], options)
    drawings = [drawing for comparison in tables for drawing in comparison.drawings]
    for drawn in drawings:
        passes = {f"{k} {step['pass']}": step["parameters"] for k, step in enumerate(drawn["trail"], 1)}
        manifest["parameters"][f"recipe.{drawn['recipe']} on {drawn['chip']}"] = passes
    return Results(pd.concat([c.table for c in tables], ignore_index=True), manifest, drawings)


def assemble_study(
    scenario: str,
    title: str,
    question_text: str,
    question: Question,
    prepared: Prepared,
    table: pd.DataFrame,
    curves: Sequence[Mapping[str, Any]],
    hardware: Sequence[Hardware],
    options: Mapping[str, Any],
    notes: Sequence[str] = (),
) -> Results:
    """A table with one row a point; ``curves`` says what the page draws of it (see :func:`spikemesh.report.figures.curves`)."""
    manifest = _manifest(scenario, title, question_text, question, prepared, hardware, options, notes)
    return Results(table, manifest | {"curves": [dict(curve) for curve in curves]})


def assemble_run(
    network: SpikingNetwork,
    trace: SpikeTrace,
    hardware: Hardware,
    rows: Sequence[Mapping[str, Any]],
    drawings: Sequence[dict[str, Any]],
    options: Mapping[str, Any],
) -> Results:
    """One network's spikes on one chip, without a scenario around them: one row a mapping, each drawn."""
    import pandas as pd

    question = "How do the spikes of one network fare on one chip, under each mapping?"
    manifest: dict[str, Any] = {
        **manifest_head("simulate", f"{network.name} on {hardware.name}", question, options.get("seed")),
        "samples": trace.n_samples,
        "duration_ms": trace.duration_ms,
        "network": {
            **_counts(network),
            "dataset": str(options.get("trace") or "its test data"),
        },
        "notes": [],
        "parameters": {"options": dict(options), f"hardware.{hardware.name}": hardware.parameters()},
        "sources": sources_of([hardware]),
    }
    return Results(pd.DataFrame(rows), manifest, list(drawings))


def manifest_head(scenario: str, title: str, question: str, seed: Any) -> dict[str, Any]:
    """What every manifest begins with: what was asked, and when."""
    created = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return {"scenario": scenario, "title": title, "question": question, "created": created, "seed": seed}


def _counts(network: SpikingNetwork) -> dict[str, Any]:
    return {
        "name": network.name,
        "neurons": network.n_neurons,
        "synapses": network.n_synapses,
        "layer_sizes": network.layer_sizes,
        "weights": network.weights,
    }


def sources_of(hardware: Sequence[Hardware]) -> dict[str, dict[str, dict[str, str]]]:
    """Of each chip the citation and confidence of every constant."""
    return {
        chip.name: {k: {"citation": s.citation, "confidence": s.confidence} for k, s in chip.source.items()}
        for chip in hardware
    }


def _manifest(
    scenario: str,
    title: str,
    question_text: str,
    question: Question,
    prepared: Prepared,
    hardware: Sequence[Hardware],
    options: Mapping[str, Any],
    notes: Sequence[str] = (),
) -> dict[str, Any]:
    network, data = question.network, prepared.dataset
    return {
        **manifest_head(scenario, title, question_text, question.seed),
        "samples": len(question.labels),
        "duration_ms": question.duration_ms,
        "network": {
            **_counts(network),
            "dataset": data.name if data is not None else "none",
            "verdict": prepared.verdict,
        },
        "notes": list(notes),
        "parameters": {
            "options": dict(options),
            "conversion": str(network.report) if network.report is not None else "none",
            "run": {"encoding": question.encoding, "late": question.late, "engine": question.engine},
            **{f"hardware.{chip.name}": chip.parameters() for chip in hardware},
        },
        "sources": sources_of(hardware),
    }
