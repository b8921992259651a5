"""Simulated mice whose true rates are known, in the published file tree."""

from sensorium_tf.simulation.hidden import HiddenState
from sensorium_tf.simulation.mouse import SimulatedMouse, simulate_mouse
from sensorium_tf.simulation.movie_recording import simulate_movie_recording
from sensorium_tf.simulation.recording import recording_spec, simulate_recording
from sensorium_tf.simulation.settings import SimulationSettings

__all__ = [
    "HiddenState",
    "SimulatedMouse",
    "SimulationSettings",
    "recording_spec",
    "simulate_mouse",
    "simulate_movie_recording",
    "simulate_recording",
]
