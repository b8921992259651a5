r"""Makes a Keras model of a PyTorch checkpoint of the published starting kit.

    python launch/import_published.py --checkpoint=sensorium_sota_model.pth \
        --output=cnn_mouse1.keras

Which baseline it is, for which mice, is read off its weights. The model goes into evaluate.py and
submit.py (--model_file) and starts a training run (train.py --init_from). Needs PyTorch:
pip install '.[published]'.
"""

from absl import flags

from sensorium_tf import cli
from sensorium_tf.flags import define_choice, define_flags, show
from sensorium_tf.models.settings import PRESETS

CHECKPOINT = show(
    flags.DEFINE_string("checkpoint", None, "PyTorch state dict (.pth).", required=True)
)
OUTPUT = define_flags(cli.CommandSettings, ["output"], required=["output"])["output"]
MODEL = define_choice(
    "model",
    None,
    list(PRESETS),
    "Which baseline. Default: four layers are taken for the CNN's, three for the LN's.",
)
NAMES = flags.DEFINE_list(
    "names", [], "Session keys and names of mice, such as 26872-17-20:lab1. Default: mouse1 ..."
)


def main() -> None:
    from sensorium_tf.interop.pytorch import load_published
    from sensorium_tf.runs import check_model_file, save_model

    check_model_file(OUTPUT.value)
    model = load_published(CHECKPOINT.value, model=MODEL.value, names=cli.pairs(NAMES))
    save_model(model, OUTPUT.value)
    inputs, core = model.inputs, model.core.config
    print(
        f"{model.name} of track {inputs.track} (sees {inputs.describe()}), core of "
        f"{1 + core.n_blocks} layers and {core.hidden_channels} channels"
    )
    for mouse, readout in model.readouts.items():
        print(f"{mouse}: {readout.n_neurons} neurons")
    print(OUTPUT.value)


if __name__ == "__main__":
    cli.run(main)
