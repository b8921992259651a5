"""The files that show an evaluated run: scores, neurons, figures."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from keras import ops

from sensorium_tf.data import Mouse
from sensorium_tf.evaluation.results import Evaluation, MouseEvaluation
from sensorium_tf.evaluation.tables import write_json, write_neurons_csv
from sensorium_tf.models import EnsembleModel, FiringRateModel
from sensorium_tf.plotting import (
    correlation_histogram,
    first_layer_filters,
    neurons_in_cortex,
    receptive_field_positions,
    reliability_histograms,
    repeated_responses,
    response_traces,
    responses_against_rates,
    save_figure,
    score_distributions,
)


def write_run_files(
    folder: Path,
    evaluation: Evaluation,
    *,
    model: FiringRateModel | EnsembleModel,
    mice: Sequence[Mouse],
    figure_format: str,
) -> None:
    """Writes `evaluation.json`, `neurons.csv` and `figures/`.

    Args:
        folder: Of the files.
        evaluation: What they show.
        model: The evaluated one.
        mice: The evaluated ones.
        figure_format: Suffix of the figures.

    Raises:
        SensoriumError: If a file cannot be written.
    """
    write_json(folder / "evaluation.json", evaluation.to_json())
    _write_neurons(folder / "neurons.csv", evaluation, mice)
    _write_figures(folder / "figures", model, evaluation, mice, figure_format)


def _write_neurons(path: Path, evaluation: Evaluation, mice: Sequence[Mouse]) -> None:
    """Writes one row a neuron, of all mice."""
    columns: dict[str, list] = {"mouse": [], "area": [], "layer": []}
    for mouse in mice:
        each, n_neurons = evaluation.mice[mouse.name], mouse.n_neurons
        columns["mouse"] += [mouse.name] * n_neurons
        for column in ("area", "layer"):
            columns[column] += list(mouse.neurons.get(column, [""] * n_neurons))
        values = {
            **each.scores.per_neuron,
            "explainable_variance": each.explainable_variance,
            "oracle": each.oracle,
        }
        for name, column in values.items():
            missing = np.full(n_neurons, np.nan)
            columns.setdefault(name, []).extend(missing if column is None else column)
    unit_ids = np.concatenate([each.unit_ids for each in evaluation.mice.values()])
    write_neurons_csv(path, unit_ids=unit_ids, columns=columns)


def _write_figures(
    folder: Path,
    model: FiringRateModel | EnsembleModel,
    evaluation: Evaluation,
    mice: Sequence[Mouse],
    suffix: str,
) -> None:
    """Writes the figures of the model, and of each mouse."""
    # An ensemble has no filters and positions of its own; its members' folders show theirs.
    single = isinstance(model, FiringRateModel)
    if single and (kernels := model.core.first_layer()) is not None:
        save_figure(
            first_layer_filters(
                kernels,
                n_channels=model.inputs[model.inputs.stimulus].size,
                title=f"{evaluation.model}: filters of the first layer",
            ),
            folder / f"filters.{suffix}",
        )
    for mouse in mice:
        each = evaluation.mice[mouse.name]
        correlations = each.scores.per_neuron["single_trial_correlation"]
        title = f"{evaluation.model}, {mouse.name}, tier {each.tier}"
        save_figure(
            correlation_histogram(
                {evaluation.model: correlations}, oracle=each.oracle, title=title
            ),
            folder / f"correlations_{mouse.name}.{suffix}",
        )
        save_figure(
            responses_against_rates(
                each.responses,
                each.rates,
                correlations=correlations,
                unit_ids=mouse.unit_ids,
                title=title,
            ),
            folder / f"responses_{mouse.name}.{suffix}",
        )
        save_figure(
            neurons_in_cortex(
                mouse.cell_motor_coordinates,
                correlations,
                label="single-trial correlation",
                title=title,
            ),
            folder / f"cortex_{mouse.name}.{suffix}",
        )
        if each.frames is not None:
            _write_traces(folder, each, mouse, suffix)
        elif each.oracle is not None:
            _write_repeats(folder, each, mouse.challenge.fev_threshold, suffix)
        positions = model.readouts[mouse.name].positions() if single else None
        if positions is not None:
            save_figure(
                receptive_field_positions(
                    ops.convert_to_numpy(positions),
                    mouse.cell_motor_coordinates,
                    title=f"{evaluation.model}, {mouse.name}: retinotopy",
                ),
                folder / f"retinotopy_{mouse.name}.{suffix}",
            )
    if len(mice) > 1:
        named = {f"{name}\n{each.tier}": each for name, each in evaluation.mice.items()}
        correlations = {
            label: {evaluation.model: each.scores.per_neuron["single_trial_correlation"]}
            for label, each in named.items()
        }
        oracle = {label: each.oracle for label, each in named.items()}
        save_figure(score_distributions(correlations, oracle=oracle), folder / f"scores.{suffix}")


def _write_traces(folder: Path, each: MouseEvaluation, mouse: Mouse, suffix: str) -> None:
    """Writes the responses of a trial over time, and their prediction."""
    shown = np.flatnonzero(each.trial_ids == each.trial_ids[0])
    save_figure(
        response_traces(
            each.responses[shown],
            each.rates[shown],
            correlations=each.scores.per_neuron["single_trial_correlation"],
            unit_ids=mouse.unit_ids,
            frame_rate=mouse.challenge.frame_rate,
            first_frame=mouse.challenge.skip_frames,
            title=f"{each.mouse}, a trial of tier {each.tier}",
        ),
        folder / f"traces_{mouse.name}.{suffix}",
    )


def _write_repeats(folder: Path, each: MouseEvaluation, fev_threshold: float, suffix: str) -> None:
    """Writes how reliable neurons are, and the repeats of the most reliable one."""
    title = f"{each.mouse}, tier {each.tier}"
    save_figure(
        reliability_histograms(
            each.explainable_variance, each.oracle, fev_threshold=fev_threshold, title=title
        ),
        folder / f"reliability_{each.mouse}.{suffix}",
    )
    neuron = int(np.argmax(each.explainable_variance))
    save_figure(
        repeated_responses(
            each.responses[:, neuron],
            each.image_ids,
            rates=each.rates[:, neuron],
            title=f"{title}, unit {each.unit_ids[neuron]}: "
            f"FEV = {each.explainable_variance[neuron]:.2f}",
        ),
        folder / f"repeats_{each.mouse}.{suffix}",
    )
