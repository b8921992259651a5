"""The figures of a run in training, for TensorBoard."""

import numpy as np

from sensorium_tf.models import Core, GaussianReadout
from sensorium_tf.plotting import (
    first_layer_filters,
    receptive_field_positions,
    responses_against_rates,
)
from sensorium_tf.training import EpochView


def training_pictures(view: EpochView) -> dict[str, np.ndarray]:
    """Draws filters and, for each mouse, retinotopy and predicted against recorded responses.

    Args:
        view: Of the epoch; `train(..., watch=[training_pictures])` calls it with some.

    Returns:
        Pictures by name, each `(height, width, 4)` uint8.
    """
    figures = {}
    if isinstance(view.model.core, Core):
        kernels = np.asarray(view.model.core.stem.kernel)
        n_channels = next(iter(view.mice.values())).spec.image_shape[2]
        figures["filters"] = first_layer_filters(
            kernels, n_channels=n_channels, title=f"epoch {view.epoch}"
        )
    for name, mouse in view.mice.items():
        title = f"{name}, epoch {view.epoch}"
        figures[f"responses/{name}"] = responses_against_rates(
            view.trials[name].responses,
            view.rates[name],
            correlations=view.correlations[name],
            unit_ids=mouse.unit_ids,
            title=f"{title}, tier {view.tier}",
        )
        readout = view.model.readouts[name]
        if isinstance(readout, GaussianReadout):
            figures[f"retinotopy/{name}"] = receptive_field_positions(
                np.asarray(readout.mean_positions()), mouse.cell_motor_coordinates, title=title
            )
    return {name: _pixels(figure) for name, figure in figures.items()}


def _pixels(figure) -> np.ndarray:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure.set_dpi(100)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.array(canvas.buffer_rgba())
