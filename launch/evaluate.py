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

WORKDIR = flags.DEFINE_string("workdir", None, "Folder of the trained run.")
MODEL_FILE = flags.DEFINE_string("model_file", None, "Or a .keras file, trained or imported.")
COMPARE = flags.DEFINE_list("compare", None, "Or two or more of either, joined by commas.")
MICE = flags.DEFINE_string("mice", None, "Some of the model's mice, joined by commas; else all.")
TIER = flags.DEFINE_string(
    "tier",
    None,
    "Tier to score. Default: test where its responses are known or in --truth, else validation.",
)
TRUTH = flags.DEFINE_string(
    "truth", None, "<name>_truth.npz of a simulated recording: scores its true rates as well."
)
MODULES = flags.DEFINE_list(
    "modules", [], "Modules of custom layers and metrics, to be imported first."
)
OUTPUT = flags.DEFINE_string("output", None, "Folder for the files, if another one.")
JSON = flags.DEFINE_bool("json", False, "Print JSON instead of the table.")


def main() -> None:
    import sensorium_tf
    from sensorium_tf.evaluation import format_json

    cli.import_own(MODULES)
    chosen = cli.one_of(WORKDIR, MODEL_FILE, COMPARE)
    what = {
        "tier": TIER.value,
        "mice": MICE.value,
        "truth": TRUTH.value,
        "output": OUTPUT.value,
    }
    if COMPARE.value is None:
        scored = sensorium_tf.evaluate(chosen, **what, data_dir=cli.DATA_DIR.value)
    else:
        scored = sensorium_tf.compare(*chosen, **what, data_dir=cli.DATA_DIR.value)
    print(format_json(scored.to_json()) if JSON.value else scored.report())


if __name__ == "__main__":
    cli.run(main)
