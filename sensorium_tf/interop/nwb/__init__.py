"""Recordings in NWB files (Neurodata Without Borders): written, and those of other labs read."""

from sensorium_tf.interop.nwb.exporting import export_nwb
from sensorium_tf.interop.nwb.importing import import_nwb
from sensorium_tf.interop.nwb.mapping import NwbMapping

__all__ = ["NwbMapping", "export_nwb", "import_nwb"]
