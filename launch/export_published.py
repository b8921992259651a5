"""Writes a trained baseline as a PyTorch state dict, which the published starting kit loads.

    python launch/export_published.py --workdir=runs/cnn --output=cnn.pth
    python launch/export_published.py --model_file=cnn_mouse1.keras --output=cnn.pth

Weights get the published names, a mouse its session key. Needs PyTorch: pip install '.[published]'.
"""

from absl import flags

from sensorium_tf import cli

WORKDIR = flags.DEFINE_string("workdir", None, "Folder of the trained run.")
MODEL_FILE = flags.DEFINE_string("model_file", None, "Or a .keras file.")
OUTPUT = flags.DEFINE_string("output", None, "The checkpoint to write (.pth).", required=True)
KEYS = flags.DEFINE_list(
    "keys", [], "Mice and their session keys, such as lab1:1-2-3. Default: those of mouse1 ..."
)
MODULES = flags.DEFINE_list(
    "modules",
    [],
    "Modules of custom layers, to be imported first; of these, subclasses of "
    "SensoriumCore, GaussianReadout and MLPShifter can be exported.",
)


def main() -> None:
    from sensorium_tf.interop.pytorch import save_published
    from sensorium_tf.runs import Run

    cli.import_own(MODULES)
    trained = Run(cli.one_of(WORKDIR, MODEL_FILE))
    keys = save_published(trained.model, OUTPUT.value, keys=cli.pairs(KEYS))
    print(f"{trained.name} of track {trained.track} ({trained.provenance.describe()})")
    for mouse, key in keys.items():
        print(f"{mouse}: session key {key}")
    print(OUTPUT.value)


if __name__ == "__main__":
    cli.run(main)
