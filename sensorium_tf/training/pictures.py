"""The figures of a run in training, for TensorBoard."""

import numpy as np

from sensorium_tf.plotting import (
    first_layer_filters,
    receptive_field_positions,
    response_traces,
    responses_against_rates,
)
from sensorium_tf.training.callbacks import EpochView


def training_pictures(view: EpochView) -> dict[str, np.ndarray]:
    """Draws filters and, for each mouse, retinotopy and predicted against recorded responses.

    Of movies it draws the responses of a trial over time, too.

    Args:
        view: Of the epoch; `train(..., watch=[training_pictures])` calls it with some.

    Returns:
        Pictures by name, each `(height, width, 4)` uint8.
    """
    figures, inputs = {}, view.model.inputs
    if (kernels := view.model.core.first_layer()) is not None:
        figures["filters"] = first_layer_filters(
            kernels, n_channels=inputs[inputs.stimulus].size, title=f"epoch {view.epoch}"
        )
    for name, mouse in view.mice.items():
        title = f"{name}, epoch {view.epoch}"
        figures[f"responses/{name}"] = responses_against_rates(
            view.responses[name],
            view.rates[name],
            correlations=view.correlations[name],
            unit_ids=mouse.unit_ids,
            title=f"{title}, tier {view.tier}",
        )
        if inputs.time:
            figures[f"traces/{name}"] = response_traces(
                view.responses[name],
                view.rates[name],
                correlations=view.correlations[name],
                unit_ids=mouse.unit_ids,
                frame_rate=mouse.challenge.frame_rate,
                first_frame=mouse.challenge.skip_frames,
                title=f"{title}, a trial of tier {view.tier}",
            )
        positions = view.model.readouts[name].positions()
        if positions is not None:
            figures[f"retinotopy/{name}"] = receptive_field_positions(
                np.asarray(positions), mouse.cell_motor_coordinates, title=title
            )
    return {name: _pixels(figure) for name, figure in figures.items()}


def _pixels(figure) -> np.ndarray:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure.set_dpi(100)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.array(canvas.buffer_rgba())
