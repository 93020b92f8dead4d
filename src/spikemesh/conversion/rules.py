"""What becomes of each Keras layer: its rule, found by the layer's class name."""

from __future__ import annotations

from collections.abc import Callable

from spikemesh.conversion.graph import Step
from spikemesh.conversion.parser import Parser, Signal
from spikemesh.conversion.pooling import average_pooling, global_average_pooling, max_pooling
from spikemesh.conversion.shaping import (
    activation,
    add,
    concatenate,
    relu,
    relu6,
    reshape,
    softmax,
    without_effect,
    zero_padding,
)
from spikemesh.conversion.weighted import batch_norm, conv2d, dense, depthwise, rescaling, separable
from spikemesh.errors import ConversionError, NetworkError

__all__ = ["convert_step"]

WITHOUT_EFFECT = (
    "ActivityRegularization",
    "AlphaDropout",
    "Dropout",
    "GaussianDropout",
    "GaussianNoise",
    "Identity",
    "SpatialDropout2D",
)

RULES: dict[str, Callable[[Parser, Step, bool], Signal]] = {
    "Dense": dense,
    "Conv2D": conv2d,
    "DepthwiseConv2D": depthwise,
    "SeparableConv2D": separable,
    "BatchNormalization": batch_norm,
    "Rescaling": rescaling,
    "AveragePooling2D": average_pooling,
    "GlobalAveragePooling2D": global_average_pooling,
    "MaxPooling2D": max_pooling,
    "GlobalMaxPooling2D": max_pooling,
    "Flatten": reshape,
    "Reshape": reshape,
    "ZeroPadding2D": zero_padding,
    "ReLU": relu,
    "Relu": relu,
    "Relu6": relu6,
    "Activation": activation,
    "Softmax": softmax,
    "Add": add,
    "Concatenate": concatenate,
    **dict.fromkeys(WITHOUT_EFFECT, without_effect),
}

ADVICE = {
    "LayerNormalization": "It depends on each sample; use BatchNormalization.",
    "LeakyReLU": "Rates are never negative; use ReLU.",
    "Conv1D": "Use Conv2D with one row.",
    "Lambda": "Its code is unknown; use a layer of the list.",
    "Resizing": "Resize the samples before conversion.",
    "LSTM": "Recurrent Keras layers have no integrate-and-fire twin.",
}


def convert_step(parser: Parser, step: Step, last: bool) -> None:
    """Convert one step; ``last`` marks the one whose output is the model's."""
    rule = RULES.get(step.kind)
    if rule is None:
        advice = ADVICE.get(step.kind, "Rebuild that part of the model from these, or leave the layer out.")
        raise ConversionError(f"{step.label} cannot be converted; supported are {', '.join(sorted(RULES))}. {advice}")
    if getattr(step.layer, "data_format", None) == "channels_first":
        raise ConversionError(f"{step.label} is channels_first; rebuild the model with channels_last")
    try:
        parser.signals[step.output] = rule(parser, step, last)
    except (NetworkError, ValueError) as reason:
        raise ConversionError(f"{step.label}: {reason}") from reason
