"""The commands. Each imports what it needs when it runs, so that ``--help`` answers at once."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from spikemesh.errors import SpikemeshError

__all__ = ["app", "run_app"]

app = typer.Typer(
    name="spikemesh",
    help="Map spiking neural networks onto crossbar tiles and measure them on a discrete-event model of the chip.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

NEW_KINDS = ["hardware", "recipe", "scenario"]


def _names(kind: str) -> Callable[[], list[str]]:
    """What the shell completes: names that ship, besides its own files."""

    def known() -> list[str]:
        from spikemesh.scenario.catalogue import available

        return available(kind)

    return known


Hardware = Annotated[
    str,
    typer.Option("--hardware", metavar="NAME|PATH", help="a shipped chip or a TOML file", autocompletion=_names("hardware")),
]
Recipes = Annotated[
    list[str],
    typer.Option("--recipe", metavar="NAME|PATH", help="mapping recipe; may be given again", autocompletion=_names("recipes")),
]
Seed = Annotated[int, typer.Option("--seed", metavar="N", help="seed of every random choice")]
Engine = Annotated[str, typer.Option("--engine", metavar="auto|simpy|compiled", help="which engine runs the mesh")]
Out = Annotated[Path | None, typer.Option("--out", metavar="DIR", help="folder for the results")]
Json = Annotated[bool, typer.Option("--json", help="print machine-readable results on standard output")]
Samples = Annotated[int, typer.Option("--samples", min=1, metavar="N", help="samples to run")]
Duration = Annotated[float, typer.Option("--duration-ms", min=1, metavar="MS", help="simulated time of a sample")]

DEFAULT_SCENARIO = "gpa-vs-spinemap"


def run_app(argv: list[str]) -> int:
    """Runs one command; turns a SpikemeshError into one line on standard error."""
    try:
        result = app(args=argv, standalone_mode=False)
    except SpikemeshError as error:
        print(f"spikemesh: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # whoever read the output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        if os.environ.get("SPIKEMESH_TRACEBACK"):
            raise
        where = f"{error.filename}: " if error.filename else ""
        print(f"spikemesh: {where}{error.strerror or error} (SPIKEMESH_TRACEBACK=1 shows where)", file=sys.stderr)
        return 2
    except MemoryError as error:
        print(f"spikemesh: not enough memory{f': {error}' if str(error) else ''}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("spikemesh: interrupted", file=sys.stderr)
        return 130
    except Exception as error:  # Click's own complaints; anything else is a bug and keeps its traceback
        code = _usage_error(error)
        if code is None:
            raise
        return code
    return int(result or 0)


def _usage_error(error: Exception) -> int | None:
    if hasattr(error, "format_message"):
        context = getattr(error, "ctx", None)
        command = context.command_path if context is not None else "spikemesh"
        said = " ".join(str(error.format_message()).split()).rstrip(".")
        print(f"spikemesh: {said}; see `{command} --help`", file=sys.stderr)
        return 2
    if type(error).__name__ == "Exit":
        return int(getattr(error, "exit_code", 0))
    return None


@app.callback(invoke_without_command=True)
def root(version: Annotated[bool, typer.Option("--version", help="print the version and stop")] = False) -> None:
    if version:
        from spikemesh import __version__

        print(__version__)
        raise typer.Exit


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
)
def run(
    context: typer.Context,
    scenario: Annotated[str | None, typer.Argument(metavar="[NAME|FILE]", autocompletion=_names("scenarios"))] = None,
) -> int:
    """Run a scenario (default: gpa-vs-spinemap, the main job); `spikemesh run NAME --help` shows its options."""
    from spikemesh.scenario import run_scenario

    words = [*([scenario] if scenario is not None else []), *context.args]
    name = words.pop(0) if words and not words[0].startswith("-") else DEFAULT_SCENARIO
    return run_scenario(name, words)


@app.command(name="list")
def list_(
    kind: Annotated[str | None, typer.Argument(help="partitioners, placers, recipes, workloads, hardware or scenarios")] = None,
    json: Json = False,
) -> int:
    """Show what there is, by name."""
    from spikemesh.cli.commands import list_command

    return list_command(kind, json)


@app.command()
def convert(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="a .keras file, or a workload's name")],
    calibration: Annotated[
        Path | None, typer.Option("--calibration", metavar="FILE", help="npz or npy with samples in [0, 1]; npz key 'x'")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="where the network goes (.npz)")] = None,
    percentile: Annotated[float, typer.Option("--percentile", min=50, max=100, help="activation that becomes rate 1")] = 99.9,
    json: Json = False,
) -> int:
    """Turn a Keras model into a network of integrate-and-fire neurons."""
    from spikemesh.cli.commands import convert_command

    return convert_command(model, calibration, out, percentile, json)


@app.command(name="map")
def map_(
    network: Annotated[str, typer.Argument(metavar="NETWORK", help="a network file (.npz) or a workload's name")],
    hardware: Hardware = "dynap-se",
    recipe: Recipes = [],  # noqa: B006
    trace: Annotated[
        Path | None, typer.Option("--trace", metavar="FILE", help="spike trace (.npz) that gives the rates")
    ] = None,
    samples: Samples = 10,
    duration_ms: Duration = 100.0,
    seed: Seed = 0,
    out: Out = None,
    json: Json = False,
) -> int:
    """Map one network by several recipes and compare them in one table.

    By default by random, pacman, snn-gpa and spinemap; a network too large for some of them by pacman and auto.
    """
    from spikemesh.cli.commands import map_command

    return map_command(network, hardware, recipe, trace, samples, duration_ms, seed, out, json)


@app.command()
def simulate(
    network: Annotated[str, typer.Argument(metavar="NETWORK", help="a network file (.npz) or a workload's name")],
    hardware: Hardware = "dynap-se",
    recipe: Recipes = ["auto"],  # noqa: B006
    trace: Annotated[Path | None, typer.Option("--trace", metavar="FILE", help="spike trace (.npz) to execute")] = None,
    samples: Samples = 10,
    duration_ms: Duration = 100.0,
    acceleration: Annotated[float, typer.Option("--acceleration", min=1e-6, help="chip time runs this much faster")] = 1.0,
    engine: Engine = "auto",
    seed: Seed = 0,
    out: Out = None,
    json: Json = False,
) -> int:
    """Execute a network's spikes on a chip and print latency, energy and waste."""
    from spikemesh.cli.commands import simulate_command

    return simulate_command(network, hardware, recipe, trace, samples, duration_ms, acceleration, engine, seed, out, json)


@app.command()
def traffic(
    pattern: Annotated[str, typer.Argument(help="uniform, transpose, bit-complement, hotspot, nearest-neighbour or tornado")],
    hardware: Hardware = "booksim-lean",
    mesh: Annotated[str, typer.Option("--mesh", metavar="COLSxROWS", help="size of the mesh")] = "8x8",
    rates: Annotated[
        str, typer.Option("--rates", metavar="A,B,...", help="flits per node and cycle")
    ] = "0.01,0.1,0.2,0.3,0.35,0.4",
    cycles: Annotated[int, typer.Option("--cycles", min=100, help="cycles measured after the warm-up")] = 5000,
    engine: Engine = "auto",
    seed: Seed = 0,
    picture: Annotated[
        Path | None, typer.Option("--picture", metavar="FILE", help="draw the latency-load curve (.png, .svg)")
    ] = None,
    json: Json = False,
) -> int:
    """Drive the mesh with synthetic traffic and print its latency-load curve."""
    from spikemesh.cli.commands import traffic_command

    return traffic_command(pattern, hardware, mesh, rates, cycles, engine, seed, picture, json)


@app.command()
def sweep(
    file: Annotated[str, typer.Argument(metavar="FILE", help="a sweep (.toml), or the name of a shipped one")],
    workers: Annotated[
        int | None, typer.Option("--workers", min=0, metavar="N", help="processes (default: one a core; 0: this one)")
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option("--scheduler", metavar="ADDRESS", help="a Dask scheduler's, such as tcp://host:8786")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="the sweep's folder (default: results/sweeps/<name>)")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="print the points and their number, and stop")] = False,
    retry: Annotated[bool, typer.Option("--retry", help="compute failed points again")] = False,
    json: Json = False,
) -> int:
    """Run a sweep: every point of its axes, once; the same command again goes on where it stopped."""
    from spikemesh.cli.sweep_command import sweep_command

    return sweep_command(file, workers, scheduler, out, dry_run, retry, json)


@app.command()
def compare(
    before: Annotated[Path, typer.Argument(metavar="BEFORE", help="a results folder, its table.csv, or --json output")],
    now: Annotated[Path, typer.Argument(metavar="NOW", help="what to hold against it, likewise")],
    margin: Annotated[
        list[str] | None, typer.Option("--margin", metavar="SHARE", help="how much worse; COLUMN=SHARE; may be given again")
    ] = None,
    json: Json = False,
) -> int:
    """Hold results against stored ones: exit code 1, and a table, where a number got worse."""
    from spikemesh.cli.commands import compare_command

    return compare_command(before, now, margin or [], json)


@app.command()
def new(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="hardware, recipe or scenario", autocompletion=lambda: NEW_KINDS)],
    name: Annotated[str, typer.Argument(metavar="NAME", help="of the file, without its suffix")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="folder for the file")] = Path(),
    json: Json = False,
) -> int:
    """Write a commented template to edit: a chip, a mapping recipe, a scenario."""
    from spikemesh.cli.commands import new_command

    return new_command(kind, name, out, json)


@app.command()
def doctor(json: Json = False) -> int:
    """Say what is installed, in which versions, and which data was found."""
    from spikemesh.cli.doctor import doctor_command

    return doctor_command(json)


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="a results folder; a sweep's folder or its sweep.sqlite")],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="page to write (default: FOLDER/report.html)")
    ] = None,
    json: Json = False,
) -> int:
    """Write the page of a results folder again, or of a whole sweep: one HTML file that opens offline."""
    from spikemesh.cli.commands import report_command

    return report_command(folder, out, json)
