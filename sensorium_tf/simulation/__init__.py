"""A simulated mouse whose true rates are known, in the published file tree."""

from sensorium_tf.simulation.mouse import SimulatedMouse, simulate_mouse
from sensorium_tf.simulation.recording import recording_spec, simulate_recording

__all__ = ["SimulatedMouse", "recording_spec", "simulate_mouse", "simulate_recording"]
