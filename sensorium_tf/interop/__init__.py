"""Models and recordings of other frameworks."""
