"""Weights of a model that do nothing."""

from __future__ import annotations

import keras

from tuners.engine.numpy_engine.layer_graph import read


def redundant_biases(model: keras.Model) -> list[str]:
    """Names of the layers whose bias the batch normalisation right behind them takes out again.

    Args:
        model: A model that was trained. Nothing is said of one that is more than a graph of layers.

    References:
        Ioffe and Szegedy (2015), "Batch Normalization", section 3.2.
    """
    # Reading a graph takes milliseconds, which most models are spared: their last layer alone has a bias to end with.
    if not any(map(_normalises_features, model.layers)) or not any(map(_ends_with_bias, model.layers[:-1])):
        return []
    try:
        calls = list(read(model).calls)
    except Exception:  # Declined, or whatever a layer of the user's makes of being asked for its configuration
        return []
    layers = {each.layer.name: each.layer for each in calls}
    taken = [name for each in calls for name in each.sources]
    before = [each.sources[0] for each in calls if _normalises_features(each.layer)]
    # What another layer takes as well needs its bias there.
    return [name for name in before if taken.count(name) == 1 and _ends_with_bias(layers.get(name))]


def _normalises_features(layer: object) -> bool:
    """Whether it takes the mean of each feature, the last axis, off the batch."""
    if not isinstance(layer, keras.layers.BatchNormalization) or not layer.trainable:
        return False
    return bool(layer.axis == -1 or (layer.built and layer.axis == layer.input_spec.ndim - 1))


def _ends_with_bias(layer: object) -> bool:
    """Whether the last thing it does is to add a number to each feature."""
    if not isinstance(layer, keras.Layer) or not getattr(layer, "use_bias", False):
        return False
    linear = getattr(layer, "activation", None) is keras.activations.linear
    return linear and getattr(layer, "data_format", "channels_last") == "channels_last"
