"""The algebra of sweeps, against itertools; and the expression that a file writes it in."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikemesh.errors import DescriptionError
from spikemesh.scenario.sweep import Axis, Sweep
from spikemesh.scenario.sweep.axes import Product
from spikemesh.scenario.sweep.expression import parse_axes


def axis(key: str, n: int) -> Axis:
    return Axis(key, [f"{key}{k}" for k in range(n)])


@st.composite
def expressions(draw: st.DrawFn) -> tuple[str, Sweep, list]:
    """(text, the sweep that Python's own operators make, its points by itertools) over fresh keys."""
    counter = itertools.count()

    def build(depth: int, size: int | None) -> tuple[str, Sweep, list]:
        kind = draw(st.sampled_from(["axis", "*", "+"])) if depth else "axis"
        if kind == "axis":
            key = f"k{next(counter)}"
            made = axis(key, size or draw(st.integers(1, 3)))
            return key, made, [{key: value} for value in made.values]
        if kind == "*":
            # a product of a given size: that size and one
            a, b = build(depth - 1, size), build(depth - 1, 1 if size else None)
            points = [{**p, **q} for p, q in itertools.product(a[2], b[2])]
            return f"({a[0]}) * ({b[0]})", a[1] * b[1], points
        a = build(depth - 1, size)
        b = build(depth - 1, len(a[2]))
        return f"({a[0]})+({b[0]})", a[1] + b[1], [{**p, **q} for p, q in zip(a[2], b[2], strict=True)]

    return build(3, None)


@given(expressions())
def test_points_are_those_of_itertools_and_their_number_is_known(made):
    _, sweep, points = made
    assert len(sweep) == len(points)
    assert list(sweep) == points
    assert list(sweep) == list(sweep), "a sweep can be walked twice"
    assert sweep.keys == tuple(points[0])


@given(expressions())
def test_an_expression_means_what_python_means(made):
    text, sweep, _ = made
    axes = {key: axis(key, n) for key, n in lengths(sweep).items()}
    assert parse_axes(text, axes) == sweep


def lengths(sweep: Sweep) -> dict[str, int]:
    parts = getattr(sweep, "factors", None) or getattr(sweep, "parts", None)
    if parts is None:
        return {sweep.keys[0]: len(sweep)}
    return {key: n for part in parts for key, n in lengths(part).items()}


def test_both_operators_are_associative():
    a, b, c = axis("a", 2), axis("b", 2), axis("c", 2)
    assert (a * b) * c == a * (b * c)
    assert (a + b) + c == a + (b + c)
    assert list(a * b) != list(b * a), "the last axis changes fastest"


def test_product_binds_before_sum():
    a, b, c = axis("a", 2), axis("b", 3), axis("c", 6)
    assert parse_axes("c + a * b", {"a": a, "b": b, "c": c}) == c + a * b


def test_without_axes_there_is_one_point():
    assert list(Product(())) == [{}]


def test_the_length_of_a_huge_sweep_is_known_at_once():
    sweep = Product(tuple(axis(f"k{n}", 1000) for n in range(30)))
    assert sweep.size == 1000**30


def test_values_become_what_json_knows():
    made = Axis("x", np.array([0.5, 1.5]))
    assert [type(value) for value in made.values] == [float, float]
    assert Axis("mesh", [(np.int64(4), 4)]).values == ([4, 4],)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: axis("a", 2) * axis("a", 3), ["a", "two axes"]),
        (lambda: axis("a", 2) + axis("b", 3), ["a: 2", "b: 3", "equally long"]),
        (lambda: (axis("a", 2) + axis("b", 2)) * axis("b", 2), ["b", "two axes"]),
        (lambda: Axis("a", []), ["at least one value"]),
        (lambda: Axis("a", "text"), ["list of values"]),
        (lambda: Axis("", [1]), ["key"]),
    ],
)
def test_what_cannot_be_joined_is_named(make, words):
    with pytest.raises(DescriptionError) as refused:
        make()
    assert all(word in str(refused.value) for word in words)


AXES = {"a": axis("ka", 2), "b": axis("kb", 2), "long-name_2": axis("kc", 3)}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["ends where an axis"]),
        ("a *", ["ends where an axis"]),
        ("a b", ["'b' where *, + or the end"]),
        ("(a * b", ["closing parenthesis"]),
        ("a * b)", ["')' where *, + or the end"]),
        ("a * c", ["names axis 'c'", "a, b, long-name_2"]),
        ("a * a", ["'a' twice"]),
        ("a * b", ["leaves out axis 'long-name_2'"]),
        ("a + long-name_2 * b", ["equally long"]),
        ("a * __import__('os')", ["does not know"]),
        ("a ** b", ["'*' where an axis"]),
        ("a; b", ["does not know ';'"]),
        ("(" * 5000 + "a" + ")" * 5000, ["100 deep"]),
    ],
)
def test_a_bad_expression_is_refused_in_words(text, words):
    with pytest.raises(DescriptionError) as refused:
        parse_axes(text, AXES, "my.toml")
    assert all(word in str(refused.value) for word in ["my.toml: sweep.axes", *words])


@given(st.text("ab*+() c", max_size=12))
def test_any_text_is_a_sweep_or_one_clear_error(text):
    try:
        assert len(parse_axes(text, {"a": axis("ka", 2), "b": axis("kb", 2)})) in (2, 4)
    except DescriptionError as refused:
        assert "sweep.axes" in str(refused)
