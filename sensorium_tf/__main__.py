"""`python -m sensorium_tf VERB --flags`."""

from sensorium_tf import cli

if __name__ == "__main__":
    cli.main()
