"""The page in a real browser: Chromium, where it is installed, driven by playwright (pip install 'spikemesh[browser]')."""

import shutil

import numpy as np
import pandas as pd
import pytest

from spikemesh.hardware import load_hardware
from spikemesh.metrics import metrics
from spikemesh.report import Results, read_folder, write_folder, write_report
from spikemesh.report.chip_figure import load_grid
from spikemesh.scenario.drawing import drawing_of
from spikemesh.simulation import simulate
from spikemesh.testing.drawings import MANIFEST
from spikemesh.testing.mapped import random_mapping, random_network, random_trace

sync_api = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")]
QUIET = (
    "no-sandbox",
    "disable-gpu",
    "disable-quic",
    "no-first-run",
    "disable-background-networking",
    "disable-component-update",
)
LAPTOP = {"width": 1366, "height": 768}


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as play:
        opened = play.chromium.launch(executable_path=CHROMIUM, args=[f"--{flag}" for flag in (*QUIET, "disable-sync")])
        yield opened
        opened.close()


@pytest.fixture
def show(browser):
    """Opens a page and returns it; at the end nothing may have complained, and nothing been fetched."""
    complaints = []

    def opened(path):
        page = browser.new_page(viewport=LAPTOP)
        page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda asked: complaints.append(asked.url) if asked.url.startswith("http") else None)
        page.goto(path.as_uri())
        page.wait_for_function("document.querySelectorAll('.plotly-graph-div:not(.js-plotly-plot)').length === 0")
        return page

    yield opened
    assert complaints == []


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two mappings of a small network on 4 x 3 tiles, run."""
    hw = load_hardware("mesh-45nm", mesh=(4, 3), overrides={"crossbar.n_in": "inf", "crossbar.n_out": "inf"})
    network = random_network(1)
    rows, drawings = [], []
    for seed, recipe in enumerate(("first", "second <b>")):
        mapped = random_mapping(seed, network, hw)
        record = simulate(mapped, random_trace(2, network))
        rows.append({"chip": hw.name, "recipe": recipe, "accuracy_mapped": 0.5, **metrics(record)})
        drawings.append(drawing_of(recipe, mapped, record, network))
    return write_folder(tmp_path_factory.mktemp("page") / "run", Results(pd.DataFrame(rows), MANIFEST, drawings))


Z = "() => { const z = document.querySelector('.steps').parentElement.querySelector('.js-plotly-plot')._fullData.at(-1).z;"
Z += " return Array.from(z, row => Array.from(row, v => Number.isFinite(v) ? v : null)); }"


def test_the_slider_shows_the_flits_of_each_step(show, folder):
    page = show(folder / "report.html")
    drawing = read_folder(folder).mappings[0]

    def drawn(flits):
        grid = load_grid(np.reshape(flits, (-1, 4)), 4, 3)[0]
        return np.where(np.isfinite(grid), grid, None).tolist()

    assert page.evaluate(Z) == drawn(drawing["link_flits"])
    slider, said = page.locator(".steps input").first, page.locator(".steps output").first
    slider.focus()
    for step, words in ((0, "0 to 1 ms"), (1, "1 to 2 ms")):
        page.keyboard.press("ArrowRight")
        assert said.inner_text() == words
        flits = np.zeros(48)
        numbers = drawing["load_over_time"]["links"][step]
        flits[numbers[::2]] = numbers[1::2]
        page.wait_for_function(
            f"expected => JSON.stringify(({Z})()) === JSON.stringify(expected)", arg=drawn(flits), timeout=5000
        )
    page.locator(".steps button").first.click()
    page.wait_for_function("document.querySelector('.steps output').textContent === 'from 5 ms'", timeout=5000)


def test_the_pointer_over_a_cluster_tells_its_neurons_and_traffic(show, folder):
    page = show(folder / "report.html")
    cluster = page.locator(".steps").first.locator("xpath=..").locator(".scatterlayer .trace:nth-child(2) path.point").first
    cluster.scroll_into_view_if_needed()
    cluster.hover(force=True)
    told = page.locator(".hoverlayer .hovertext").first.text_content(timeout=5000)
    assert "cluster" in told and "neurons" in told and "spikes to other tiles" in told


def test_a_click_leads_to_the_definition(show, folder):
    page = show(folder / "report.html")
    page.locator("td a", has_text="hop_cost").first.click()
    assert page.evaluate("location.hash") == "#def-hop_cost"
    assert page.locator("#def-hop_cost").is_visible()


@pytest.mark.parametrize("media", ["screen", "print"])
def test_nothing_sticks_out_of_the_page(show, folder, media):
    page = show(folder / "report.html")
    if media == "print":
        page.emulate_media(media="print")
        page.set_viewport_size({"width": 720, "height": 1000})
        page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
        assert not page.locator(".steps").first.is_visible()
    wide = page.evaluate("[...document.querySelectorAll('.picture svg.main-svg')].map(s => s.getBoundingClientRect().right)")
    assert max(wide) <= page.evaluate("document.documentElement.clientWidth")


def test_the_page_of_a_sweep_draws_its_front(show, tmp_path):
    table = pd.DataFrame(
        {"number": [0, 1, 2], "recipe": ["a", "b", "<i>"], "status": ["done", "done", "failed"], "error": ["", "", "no"]}
    )
    table["latency_mean_ns"], table["total_energy_pj"] = [1.0, 2.0, np.nan], [5.0, 4.0, np.nan]
    manifest = {"title": "sweep", "sweep": {"keys": ["recipe"]}}
    page = show(write_report(Results(table, manifest), tmp_path / "report.html"))
    assert page.locator(".two .scatterlayer path.point").count() == 2
    assert page.get_by_text("Points that failed").count() == 1
