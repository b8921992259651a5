"""Output nonlinearities: a file of this folder is a nonlinearity of its name."""
