"""Sizes and windows that the rules of several layers share."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from spikemesh.conversion.graph import Step
from spikemesh.conversion.signals import Part, Spikes
from spikemesh.errors import ConversionError
from spikemesh.network import Window

__all__ = ["pair", "plane", "require_image", "shifted_window"]


def pair(value: Any) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (int(value[0]), int(value[1]))


def shifted_window(window: Window, part: Part) -> Window:
    """The window over a signal as the window over one of its parts."""
    pad = (window.pad[0] + part.top, window.pad[1] + part.left)
    return replace(window, in_hw=(part.shape[0], part.shape[1]), pad=pad)


def require_image(step: Step, signal: Spikes) -> None:
    if len(signal.shape) != 3 or any(p.positions is not None for p in signal.parts):
        raise ConversionError(f"{step.label} needs (height, width, channels), and gets {signal.shape}")


def plane(shape: tuple[int, ...]) -> tuple[int, int]:
    """Height and width of a (height, width, channels) shape."""
    return shape[0], shape[1]
