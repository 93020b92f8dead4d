"""The streamed percentile is the one that numpy finds on everything together."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from spikemesh.conversion.percentiles import StreamingPercentile, streaming_percentile
from spikemesh.errors import DataError

PERCENTILES = st.one_of(st.sampled_from([0.0, 50.0, 99.0, 99.9, 100.0]), st.floats(0, 100))


def found_in_passes(batches, n_streams, percentile, dtype):
    stream = StreamingPercentile(n_streams, percentile, dtype)
    passes, done = 0, False
    while not done:
        for batch in batches:
            stream.add(batch)
        done = stream.end_pass()
        passes += 1
    return stream.result(), passes


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_one_stream_equals_numpy(dtype, data):
    width = 32 if dtype == np.float32 else 64
    # few distinct values, so that ties and repeated order statistics are common
    pool = st.one_of(st.sampled_from([0.0, 1.0, -2.5, 0.125]), st.floats(-1e6, 1e6, width=width))
    values = data.draw(hnp.arrays(dtype, st.integers(1, 200), elements=pool))
    percentile = data.draw(PERCENTILES)
    cut = data.draw(st.integers(0, len(values)))
    result, _ = found_in_passes([values[:cut], values[cut:]], 1, percentile, dtype)
    kept = values[values != 0].astype(np.float64)
    assert result.seen[0] == len(values)
    assert result.counted[0] == len(kept)
    if not len(kept):
        assert np.isnan(result.value[0])
        return
    assert result.value[0] == np.percentile(kept, percentile)
    assert result.above[0] == (kept > result.value[0]).sum()
    assert (result.least[0], result.most[0]) == (kept.min(), kept.max())


@settings(max_examples=30, deadline=None)
@given(
    hnp.arrays(np.float32, hnp.array_shapes(min_dims=3, max_dims=3, max_side=12), elements=st.floats(-4, 4, width=32)),
    PERCENTILES,
)
def test_each_channel_is_a_stream_of_its_own(values, percentile):
    result, _ = found_in_passes([values[:1], values[1:]], values.shape[-1], percentile, np.float32)
    for channel in range(values.shape[-1]):
        kept = values[..., channel][values[..., channel] != 0].astype(np.float64)
        if len(kept):
            assert result.value[channel] == np.percentile(kept, percentile)
            assert result.above[channel] == (kept > result.value[channel]).sum()
        else:
            assert np.isnan(result.value[channel])
            assert result.above[channel] == 0


def test_many_streams_take_more_passes_and_less_memory():
    rng = np.random.default_rng(0)
    values = rng.standard_normal((40, 600)).astype(np.float32)
    result, passes = found_in_passes([values], 600, 99.9, np.float32)
    assert passes == 4
    assert StreamingPercentile(600, 99.9).counts.nbytes <= 1 << 22
    assert np.array_equal(result.value, np.percentile(values.astype(np.float64), 99.9, axis=0))


def test_memory_does_not_grow_with_the_number_of_batches():
    rng = np.random.default_rng(1)

    def batches():
        for _ in range(50):
            yield rng_batch

    rng_batch = rng.standard_normal(1000).astype(np.float32)
    stream = StreamingPercentile(1, 99.9)
    before = {k: getattr(v, "nbytes", 0) for k, v in vars(stream).items()}
    for batch in batches():
        stream.add(batch)
    assert {k: getattr(v, "nbytes", 0) for k, v in vars(stream).items()} == before


def test_function_over_a_factory_of_batches():
    values = np.linspace(-3, 5, 4001, dtype=np.float32)
    result = streaming_percentile(lambda: np.array_split(values, 7), 37.5)
    assert result.value[0] == np.percentile(values[values != 0].astype(np.float64), 37.5)


def test_batches_that_change_between_passes_are_noticed():
    calls = iter(range(10))
    with pytest.raises(DataError, match="pass to pass"):
        streaming_percentile(lambda: [np.full(5, 1.0 + next(calls), np.float32)], 50)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values_that_are_no_numbers_are_refused(bad):
    with pytest.raises(DataError, match="NaN or infinite"):
        streaming_percentile(lambda: [np.array([1.0, bad], np.float32)], 50)


def test_options_are_checked():
    with pytest.raises(ValueError, match="percentile"):
        StreamingPercentile(1, 101)
    with pytest.raises(ValueError, match="float32 or float64"):
        StreamingPercentile(1, 50, np.int32)
