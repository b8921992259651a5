"""NWB files of another lab, with other names than ours."""

import datetime
from pathlib import Path

import h5py
import numpy as np

MAPPING = {
    "stimulus": "stimulus/presentation/natural_scenes",
    "responses": "processing/ophys/Fluorescence/deconvolved",
    "context": {
        "behavior": ["processing/behavior/running", "intervals/trials/pupil_area"],
        "pupil_center": "processing/behavior/EyeTracking/gaze",
    },
    "tier": "split",
    "tiers": {"fit": "train", "check": "validation", "repeats": "test", "bad": ""},
    "unit_id": "cell",
    "coordinates": ["x", "y"],
    "micrometres": 1e6,
    "session": "7-1-2",
}
SPLITS = np.array(["fit"] * 8 + ["bad"] + ["check"] * 3 + ["repeats"] * 4)
N_TRIALS, N_NEURONS, N_CELLS = len(SPLITS), 4, 6


def arrays(seed: int = 0) -> dict[str, np.ndarray]:
    """Returns what the lab measured."""
    random = np.random.default_rng(seed)
    pictures = random.integers(0, 256, (N_TRIALS, 36, 64), np.uint8)
    pictures[-1], pictures[-2] = pictures[-3], pictures[-4]  # repeats
    return {
        "images": pictures,
        "responses": random.gamma(1, 2, (N_TRIALS, N_NEURONS)).astype(np.float32),
        "running": random.normal(size=N_TRIALS),
        "pupil_area": random.gamma(2, 1, N_TRIALS),
        "gaze": random.normal(size=(N_TRIALS, 2)),
        "wheel": random.normal(size=480).astype(np.float32),
        "camera": random.normal(size=(700, 2)),
        "stamps": np.sort(random.uniform(0, 24, 700)),
        "cells": np.arange(N_CELLS) + 40,
        "xy": random.uniform(0, 1e-3, (N_CELLS, 2)),
        "rois": np.array([0, 2, 3, 5]),
    }


def write_foreign(path: Path, found: dict[str, np.ndarray], *, is_indexed: bool = False) -> Path:
    """Writes a file as another lab might.

    Args:
        path: The file.
        found: From `arrays`.
        is_indexed: Whether there is an IndexSeries into the images, too, in reverse.
    """
    import pynwb
    from pynwb.behavior import EyeTracking, SpatialSeries
    from pynwb.image import ImageSeries
    from pynwb.ophys import (
        Fluorescence,
        ImageSegmentation,
        OpticalChannel,
        PlaneSegmentation,
        RoiResponseSeries,
    )

    when = datetime.datetime(2021, 5, 1, tzinfo=datetime.UTC)
    file = pynwb.NWBFile("a session", "theirs", when)
    times = np.arange(N_TRIALS) * 1.5
    shown = ImageSeries(
        name="natural_scenes", data=found["images"], timestamps=times, unit="n.a.", format="raw"
    )
    file.add_stimulus(shown)
    order = np.arange(N_TRIALS)[::-1].astype(np.uint32)
    for name, what in (("split", "use"), ("pupil_area", "mm2"), ("picture", "number")):
        file.add_trial_column(name, what)
    file.add_trial_column("licks", "any number of times", index=True)
    for trial in range(N_TRIALS):
        file.add_trial(
            start_time=times[trial],
            stop_time=times[trial] + 0.5,
            split=SPLITS[trial],
            pupil_area=found["pupil_area"][trial],
            picture=order[trial],
            licks=[0.1] * (trial % 3),
        )
    device = file.create_device(name="microscope")
    channel = OpticalChannel(name="green", description="green", emission_lambda=520.0)
    plane = file.create_imaging_plane(
        name="plane",
        optical_channel=channel,
        description="one",
        device=device,
        excitation_lambda=920.0,
        indicator="GCaMP6s",
        location="VISp",
    )
    cells = PlaneSegmentation(name="cells", description="cells", imaging_plane=plane)
    for name in ("cell", "x", "y", "area"):
        cells.add_column(name, name)
    for cell, (x, y) in zip(found["cells"], found["xy"], strict=True):
        cells.add_roi(image_mask=np.eye(64), cell=cell, x=x, y=y, area=f"VIS{cell}")
    ophys = file.create_processing_module("ophys", "two-photon")
    ophys.add(ImageSegmentation(name="segmentation", plane_segmentations=[cells]))
    rois = cells.create_roi_table_region(region=found["rois"].tolist(), description="good ones")
    deconvolved = RoiResponseSeries(
        name="deconvolved", data=found["responses"], rois=rois, unit="a.u.", timestamps=times
    )
    ophys.add(Fluorescence(roi_response_series=[deconvolved]))
    behavior = file.create_processing_module("behavior", "wheel and camera")
    behavior.add(
        pynwb.TimeSeries(
            name="running", data=found["running"] * 2, unit="m/s", timestamps=times, conversion=0.5
        )
    )
    for name, when in (
        ("wheel", {"rate": 20.0, "starting_time": 0.0}),
        ("camera", {"timestamps": found["stamps"]}),
    ):
        behavior.add(
            pynwb.TimeSeries(name=name, data=found[name], unit="m/s", conversion=3.0, **when)
        )
    gaze = SpatialSeries(
        name="gaze", data=found["gaze"], reference_frame="camera", timestamps=times
    )
    behavior.add(EyeTracking(spatial_series=gaze))
    with pynwb.NWBHDF5IO(str(path), "w") as io:
        io.write(file)
    if is_indexed:  # as older versions of pynwb write it
        with h5py.File(path, "a") as file:
            group = file.create_group("stimulus/presentation/shown")
            group["data"] = order
            group["indexed_timeseries"] = h5py.SoftLink("/stimulus/presentation/natural_scenes")
    return path
