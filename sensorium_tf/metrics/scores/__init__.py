"""The metrics of the package, a file each, named after the metric."""
