"""Scores a trained model on a tier whose responses are known, beside the oracle.

    python launch/evaluate.py --workdir=runs/cnn [--tier=validation]
    python launch/evaluate.py --model_file=cnn_mouse1.keras
    python launch/evaluate.py --compare=runs/ln,runs/cnn [--output=runs/comparison]

Prints a table; evaluation.json, neurons.csv and figures/ go into the workdir or, for a lone model
file, into the folder <its name>_results beside it. --compare prints how the scores of the runs
(workdirs or .keras files) differ from those of the first, neuron by neuron; comparison.json and
figures/ go into the folder comparison in the first run's. --json prints what is in evaluation.json
(or comparison.json) instead of the table.
"""

from absl import flags

from sensorium_tf import cli
from sensorium_tf.flags import define_flags, show

MODEL = define_flags(cli.CommandSettings, ["workdir", "model_file"])
COMPARE = show(
    flags.DEFINE_list("compare", None, "Two or more of either, joined by commas, instead of one.")
)
TRIALS = define_flags(
    cli.CommandSettings,
    ["tier", "mice", "truth", "output", "figure_format"],
    default_texts={
        "tier": "test (live_test_main) where its responses are known, else validation (oracle)",
        "mice": "all of the model's",
        "output": "the workdir or <lone model file>_results; comparison in the first run's",
    },
)
FLAGS = define_flags(cli.CommandSettings, ["modules", "json"])


def main() -> None:
    import sensorium_tf
    from sensorium_tf.evaluation import format_json
    from sensorium_tf.registry import import_modules

    import_modules(FLAGS["modules"].value)
    chosen = cli.one_of(MODEL["workdir"], MODEL["model_file"], COMPARE)
    if COMPARE.value is None:
        scored = sensorium_tf.evaluate(chosen, **TRIALS.values(), data_dir=cli.DATA_DIR.value)
    else:
        scored = sensorium_tf.compare(*chosen, **TRIALS.values(), data_dir=cli.DATA_DIR.value)
    print(format_json(scored.to_json()) if FLAGS["json"].value else scored.report())


if __name__ == "__main__":
    cli.run(main)
