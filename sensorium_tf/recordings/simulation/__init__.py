"""A simulated mouse whose true rates are known, in the published file tree."""

from sensorium_tf.recordings.simulation.mouse import SimulatedMouse, simulate
from sensorium_tf.recordings.simulation.recording import simulate_recording

__all__ = ["SimulatedMouse", "simulate", "simulate_recording"]
