"""Feature extractors: a file of this folder is a core of its name."""
