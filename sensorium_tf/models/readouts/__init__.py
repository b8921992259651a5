"""Readouts: a file of this folder is a readout of its name."""
