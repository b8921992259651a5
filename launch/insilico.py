"""Does experiments on a model: what excites its neurons, how they are tuned.

    python launch/insilico.py --workdir=runs/cnn --best=20 --do=rf,tuning,mei --output=DIR
    python launch/insilico.py --model_file=cnn_mouse1.keras --columns=0,5 --do=mei --output=DIR
    python launch/insilico.py --workdir=runs/movies --best=20 --do=direction,movie --output=DIR

Each experiment leaves NAME.npz, NAME.png and the page NAME.html in the folder, and index.html shows
all of them; the same command again goes on where it was ended. Context signals, such as behavior,
are held at their medians over the training trials.
"""

from sensorium_tf import cli
from sensorium_tf.config import from_flat
from sensorium_tf.flags import define_flags
from sensorium_tf.insilico.settings import ExperimentSettings

MODEL = define_flags(cli.CommandSettings, ["workdir", "model_file"])
FLAGS = define_flags(
    cli.CommandSettings,
    ["mouse", "output", "modules"],
    required=["output"],
    default_texts={"mouse": "the model's, if there is one alone"},
)
SETTINGS = define_flags(ExperimentSettings)


def main() -> None:
    from sensorium_tf.insilico import run_experiments
    from sensorium_tf.registry import import_modules
    from sensorium_tf.runs import Run

    settings = from_flat(ExperimentSettings, SETTINGS.values())
    import_modules(FLAGS["modules"].value)
    run = Run(cli.one_of(MODEL["workdir"], MODEL["model_file"]), data_dir=cli.DATA_DIR.value)
    for page in run_experiments(run, settings, FLAGS["output"].value, mouse=FLAGS["mouse"].value):
        print(page)


if __name__ == "__main__":
    cli.run(main)
