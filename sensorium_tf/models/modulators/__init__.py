"""Modulators: a file of this folder is a modulator of its name."""
