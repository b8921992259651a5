"""The signals of a recording as objects of an NWB file."""

import hashlib
from typing import Any

import numpy as np

from sensorium_tf.interop.nwb.names import column_name
from sensorium_tf.interop.nwb.writing import NO_CLOCK, Order, columns_of, packed
from sensorium_tf.progress import progress
from sensorium_tf.recordings import Recording
from sensorium_tf.specs import IMAGE, RESPONSE, SignalSpec

_TRIALS_PER_BLOCK = 128


def add_images(file: Any, recording: Recording, order: Order) -> tuple[str, ...]:
    """Adds the images, each once, and which one each trial showed.

    Args:
        file: The `NWBFile`.
        recording: The recording.
        order: Of its trials.

    Returns:
        Paths of what each trial showed, one for each channel.
    """
    from pynwb.base import ImageReferences, Images
    from pynwb.image import GrayscaleImage, IndexSeries

    images, index, ids = _different_images(recording)
    paths = []
    for channel in range(recording.spec.image_shape[2]):
        name = f"{IMAGE}_channel{channel}"
        each = [
            GrayscaleImage(
                name=f"{number:06}", data=packed(image[..., channel]), description=f"id {image_id}"
            )
            for number, (image, image_id) in enumerate(zip(images, ids, strict=True))
        ]
        templates = Images(
            name=name,
            images=each,
            description="Grey values (height, width), each different image once.",
            order_of_images=ImageReferences(name="order_of_images", data=each),
        )
        file.add_stimulus_template(templates)
        file.add_stimulus(
            IndexSeries(
                name=name,
                data=index[order.index].astype(np.uint32),
                indexed_images=templates,
                unit="N/A",
                timestamps=order.times,
                description=f"The image of each trial. {NO_CLOCK}",
            )
        )
        paths.append(f"stimulus/presentation/{name}")
    return tuple(paths)


def add_responses(file: Any, recording: Recording, order: Order) -> str:
    """Adds the neurons and their responses, NaN where they are withheld.

    Args:
        file: The `NWBFile`.
        recording: The recording.
        order: Of its trials.

    Returns:
        Path of the responses.
    """
    from hdmf.common import DynamicTable, DynamicTableRegion
    from pynwb.ophys import RoiResponseSeries

    columns = {
        "unit_ids": ("Unit id.", recording.unit_ids),
        "cell_motor_coordinates": (
            "Place in cortex: x, y and z in micrometres.",
            recording.cell_motor_coordinates,
        ),
    } | {
        column_name(name): (f"{name} of the recording's neurons.", values)
        for name, values in recording.neurons.items()
    }
    table = DynamicTable(
        name="neurons",
        description="The neurons, in the order of the responses. Their masks are not known.",
        columns=columns_of(columns),
    )
    module = file.create_processing_module("ophys", "Neurons and their responses.")
    module.add(table)
    values, withheld = recording.read(RESPONSE), []
    for tier in recording.challenge.tiers:
        trials = recording.trials_of(tier)
        if trials.size and not values[trials].any():
            values = values.astype(np.float32, copy=False)
            values[trials] = np.nan
            withheld.append(tier)
    module.add(
        RoiResponseSeries(
            name=RESPONSE,
            data=packed(values[order.index]),
            rois=DynamicTableRegion(
                name="rois",
                data=np.arange(recording.n_neurons),
                description="All neurons.",
                table=table,
            ),
            unit="a.u.",
            timestamps=order.times,
            description=f"{recording.spec[RESPONSE].doc} {NO_CLOCK}",
            comments=_withheld(f"the trials of tier {' and '.join(withheld)}" if withheld else ""),
        )
    )
    return f"processing/ophys/{RESPONSE}"


def add_context(file: Any, recording: Recording, order: Order) -> dict[str, str]:
    """Adds behavior and all else that was recorded in the trials, NaN where it is withheld.

    Args:
        file: The `NWBFile`.
        recording: The recording.
        order: Of its trials.

    Returns:
        Signal to its path.
    """
    from pynwb import TimeSeries

    if not recording.spec.context:
        return {}
    module = file.create_processing_module("behavior", "What was recorded beside the responses.")
    for signal in recording.spec.context:
        values = recording.read(signal.name)
        withheld = signal.name in recording.withheld_signals
        if withheld:
            values = np.full(values.shape, np.nan, np.float32)
        module.add(
            TimeSeries(
                name=signal.name,
                data=packed(values[order.index]),
                unit="a.u.",
                timestamps=order.times,
                description=f"{_doc(signal)} {NO_CLOCK}",
                comments=_withheld("all trials" if withheld else ""),
            )
        )
    return {signal.name: f"processing/behavior/{signal.name}" for signal in recording.spec.context}


def _different_images(recording: Recording) -> tuple[list[np.ndarray], np.ndarray, list[int]]:
    """Returns the images, each once, the number of each trial's, and their ids."""
    images: list[np.ndarray] = []
    ids: list[int] = []
    index = np.empty(recording.n_trials, np.intp)
    known: dict[tuple[int, bytes], int] = {}
    for start in progress(range(0, recording.n_trials, _TRIALS_PER_BLOCK), "reading images"):
        trials = range(start, min(start + _TRIALS_PER_BLOCK, recording.n_trials))
        for trial, image in zip(trials, recording.read(IMAGE, trials), strict=True):
            # Images of one id need not be equal, and equal ones need not share their id.
            key = int(recording.image_ids[trial]), hashlib.sha256(image.tobytes()).digest()
            if key not in known:
                known[key] = len(images)
                images.append(image.copy())
                ids.append(key[0])
            index[trial] = known[key]
    # Of files that hold both, as the recording itself is read.
    dtype = np.result_type(*{image.dtype for image in images})
    return [image.astype(dtype, copy=False) for image in images], index, ids


def _doc(signal: SignalSpec) -> str:
    return signal.doc or f"{signal.name}, {signal.shape[0]} values a trial of unknown unit."


def _withheld(what: str) -> str:
    return f"NaN in {what}: withheld in this recording." if what else "Nothing is withheld."
