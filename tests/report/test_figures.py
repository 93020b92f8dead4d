import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from spikemesh.report.chip_figure import chip_and_load, load_grid, steps_of
from spikemesh.report.drawings import Drawing
from spikemesh.report.sweep_figures import pareto_front
from spikemesh.testing.drawings import DRAWING


@given(st.integers(1, 5), st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_every_flit_on_a_real_link_is_drawn_once(cols, rows, seed):
    flits = np.random.default_rng(seed).integers(0, 9, (rows, cols, 4))
    flits[:, -1, 0] = flits[:, 0, 1] = 0  # no link leaves the mesh
    flits[0, :, 2] = flits[-1, :, 3] = 0
    grid, text = load_grid(flits.reshape(-1, 4), cols, rows)
    assert grid.shape == (2 * rows - 1, 2 * cols - 1)
    assert np.nansum(grid) == flits.sum()
    assert np.isfinite(grid).sum() == rows * (cols - 1) + cols * (rows - 1)
    assert np.array_equal(text != "", np.isfinite(grid))


def test_a_link_shows_both_directions():
    flits = np.zeros((4, 4))
    flits[0, 0], flits[1, 1] = 7, 2  # (0,0) east and (1,0) west
    grid, text = load_grid(flits, 2, 2)
    assert grid[0, 1] == 9
    assert text[0, 1] == "(0, 0) to (1, 0): 7 flits<br>back: 2"


def test_the_slider_shows_all_steps_first_and_then_each_of_them():
    drawing = Drawing.model_validate(DRAWING)
    figure = chip_and_load(drawing)
    assert steps_of(figure) == ["all steps", "0 to 1 ms", "from 1 ms"]
    east = [float(frame.data[0].z[0, 1]) for frame in figure.frames]
    assert east == [6.0, 3.0, 3.0], "4 flits there and 2 back; 3 in the first step, 1 and 2 in the second"


coordinates = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=12)


@given(coordinates, st.sampled_from(["lower", "higher"]), st.sampled_from(["lower", "higher"]))
def test_the_front_is_what_nothing_beats(points, better_x, better_y):
    x, y = (np.array(values, float) for values in zip(*points, strict=True))
    front = pareto_front(x, y, better_x, better_y)
    a, b = x * (1 if better_x == "lower" else -1), y * (1 if better_y == "lower" else -1)
    beaten = [
        any((a[j] <= a[k]) & (b[j] <= b[k]) & ((a[j] < a[k]) | (b[j] < b[k])) for j in range(len(x))) for k in range(len(x))
    ]
    assert sorted(front.tolist()) == [k for k in range(len(x)) if not beaten[k]]
    assert (np.diff(x[front]) >= 0).all()
