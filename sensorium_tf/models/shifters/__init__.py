"""Shifters: a file of this folder is a shifter of its name."""
