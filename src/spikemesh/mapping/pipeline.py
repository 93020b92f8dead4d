"""The way through a recipe: :func:`map_network` for one, :func:`map_many` for several on one mesh."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from numpy.typing import ArrayLike

from spikemesh.errors import MappingError, TraceError
from spikemesh.hardware import Hardware, load_hardware
from spikemesh.mapping.mapping import Mapping
from spikemesh.mapping.measure import rates_or_ones
from spikemesh.mapping.passes import Pipeline, apply
from spikemesh.mapping.recipe import Recipe, load_recipe
from spikemesh.mapping.stages import CheckPass
from spikemesh.mapping.state import MappingState
from spikemesh.network import SpikeTrace, SpikingNetwork

__all__ = ["map_many", "map_network"]


def map_network(
    net: SpikingNetwork,
    trace: SpikeTrace | None,
    hw: Hardware | str | Path,
    recipe: str | Path | Recipe = "auto",
    seed: int = 0,
    map_inputs: bool = True,
    weighting: str = "rate_weight",
    rates_hz: ArrayLike | None = None,
) -> Mapping:
    """Runs a whole recipe: a network and its spikes in, a checked mapping out.

    Parameters
    ----------
    trace : its rates weigh the SNN graph; None counts every neuron at 1 Hz.
    hw : the chip, or its name. An "auto" mesh is sized for the clusters that the recipe makes.
    recipe : a shipped name, the path of a TOML file, or a :class:`Recipe`.
    map_inputs : False keeps input neurons off the chip.
    weighting : omega of a synapse, one of :data:`spikemesh.network.WEIGHTINGS`.
    rates_hz : (n_neurons,) rates to use instead of the trace's.

    Returns
    -------
    Mapping, whose ``trail`` has every pass with its options, seconds, and costs before and after.

    Raises
    ------
    DescriptionError
        for a recipe that cannot be used.
    MappingError
        for a request that cannot be met; InfeasibleError, with every violation, for a mapping that breaks the chip's limits.
    TraceError
        for a trace of another network.
    """
    one = load_recipe(recipe) if not isinstance(recipe, Recipe) else recipe
    return map_many(net, trace, hw, [one], seed, map_inputs, weighting, rates_hz)[one.name]


def map_many(
    net: SpikingNetwork,
    trace: SpikeTrace | None,
    hw: Hardware | str | Path,
    recipes: Iterable[str | Path | Recipe],
    seed: int = 0,
    map_inputs: bool = True,
    weighting: str = "rate_weight",
    rates_hz: ArrayLike | None = None,
    respond: Callable[[SpikingNetwork], SpikeTrace] | None = None,
) -> dict[str, Mapping]:
    """As :func:`map_network`, for several recipes on one mesh: all are partitioned, the mesh is sized for the largest, then
    all are placed.

    Parameters
    ----------
    respond : gives the spikes of a network on the samples of ``trace``. Asked for a network from which a recipe's first passes
        have dropped synapses, or whose weights they have rounded: its own rates weigh the passes that follow, once for all
        recipes that begin alike. By default they keep the rates of ``net``.

    Returns
    -------
    Recipe -> Mapping, in the order of ``recipes`` and under the names given there (a path stays a path).
    """
    if trace is not None and trace.n_neurons != net.n_neurons:
        raise TraceError(f"the trace has {trace.n_neurons} neurons, {net.name} has {net.n_neurons}")
    chip = hw if isinstance(hw, Hardware) else load_hardware(hw)
    rates = rates_hz if rates_hz is not None or trace is None else trace.rates_hz
    start = MappingState(net, rates_or_ones(net, rates), chip, seed, weighting, map_inputs, trace=trace)
    loaded: dict[str, Recipe] = {}
    for given in recipes:
        name = given.name if isinstance(given, Recipe) else str(given)
        if name in loaded:
            raise MappingError(f"recipe {name!r} is given twice")
        loaded[name] = given if isinstance(given, Recipe) else load_recipe(given)
    if not loaded:
        raise MappingError("no recipe is given")

    begun: list[tuple[Pipeline, MappingState]] = []
    clustered: dict[str, tuple[MappingState, Pipeline]] = {}
    for name, recipe in loaded.items():
        first, rest = recipe.pipeline.split_before("tile_of_cluster")
        legal, first = first.split_before("partition")
        state = next((done for known, done in begun if known.steps == legal.steps), None)
        if state is None:
            state = _own_rates(legal.run(start), net, respond)
            begun.append((legal, state))
        state = first.run(state)
        if state.partition is None:
            raise MappingError(f"recipe {name!r} places clusters before it makes any")
        clustered[name] = state, rest
    largest = max(state.assignment.max() + 1 for state, _ in clustered.values())
    sized = chip.sized_for(int(largest))

    mapped = {}
    for name, (state, rest) in clustered.items():
        done = rest.run(replace(state, hardware=sized))
        if not rest.steps or not isinstance(rest.steps[-1], CheckPass):
            done = apply(CheckPass(), done)  # no mapping leaves unchecked, whatever its recipe says
        mapped[name] = done.mapping(name)
    return mapped


def _own_rates(
    state: MappingState, asked: SpikingNetwork, respond: Callable[[SpikingNetwork], SpikeTrace] | None
) -> MappingState:
    """The state with the spikes of its own network, where passes have changed that."""
    if respond is None or state.network is asked:
        return state
    trace = respond(state.network)
    return replace(state, rates_hz=trace.rates_hz, trace=trace)
