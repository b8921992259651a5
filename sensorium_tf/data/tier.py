"""All trials of a tier, read from the prepared files and normalised on the way."""

from typing import TYPE_CHECKING

import numpy as np

from sensorium_tf.data.normalizing import normalize_images, normalize_responses
from sensorium_tf.data.prepared_files import read_blocks
from sensorium_tf.data.trials import Trials
from sensorium_tf.datasets.shared.builder import RecordingBuilder
from sensorium_tf.specs import IMAGE, RESPONSE, size_step

if TYPE_CHECKING:
    from sensorium_tf.data.mouse import Mouse


def read_tier(
    mouse: "Mouse", tier: str, *, builder: RecordingBuilder, neurons: np.ndarray | None
) -> Trials:
    """Reads the trials of a tier; see `Mouse.trials`.

    Args:
        mouse: Whose trials of images.
        tier: One that it has.
        builder: Of its prepared dataset.
        neurons: Which of the recording's it has, `(neurons,)`; None for all.

    Raises:
        SensoriumError: If the prepared files are damaged or cannot be read.
    """
    n_trials, (height, width) = mouse.tiers[tier], mouse.image_size
    step = size_step(mouse.spec.image_shape[:2], (height, width))
    images = np.empty((n_trials, height, width, mouse.spec.image_shape[2]), np.float32)
    columns = {
        each.name: np.empty((n_trials, *each.shape), np.float32)
        for each in mouse.spec.signals
        if each.name != IMAGE and each.name not in mouse.withheld_signals
    }
    image_ids = np.empty(n_trials, np.int64)
    trial_ids = np.empty(n_trials, object)
    scale = mouse.statistics[IMAGE]
    start = 0
    for block in read_blocks(builder, tier, mouse=mouse.name):
        rows = slice(start, start := start + len(block["image_id"]))
        images[rows] = normalize_images(block[IMAGE], scale["mean"], scale["std"], step=step)
        if neurons is not None:
            block[RESPONSE] = block[RESPONSE][:, neurons]
        for name, values in columns.items():
            values[rows] = block[name]
        image_ids[rows] = block["image_id"]
        trial_ids[rows] = [trial_id.decode() for trial_id in block["trial_id"]]
    responses = columns.pop(RESPONSE)
    given = {name: mouse.challenge.input(name, mouse.spec) for name in columns}
    return Trials(
        mouse=mouse.name,
        images=images,
        responses=normalize_responses(responses, mouse.response_scale),
        signals={
            name: given[name].apply(values, mouse.statistics[name])
            for name, values in columns.items()
        },
        image_ids=image_ids,
        trial_ids=trial_ids.astype(str),
        tiers=np.full(n_trials, tier),
        neurons=mouse.neurons,
        given=given,
        past=mouse.past_responses,
    )
