"""Keras models become networks of integrate-and-fire neurons. Keras is imported when a model is converted, not before."""

from spikemesh.conversion.convert import convert
from spikemesh.conversion.files import load_keras_model
from spikemesh.conversion.report import ConversionReport, LayerReport

__all__ = ["ConversionReport", "LayerReport", "convert", "load_keras_model"]
