"""The calculations that parts are made of, each on every backend."""
