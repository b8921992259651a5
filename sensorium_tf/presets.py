"""The published networks by name: fetched once, checked, converted once, and kept."""

import dataclasses
import os
import types

from sensorium_tf.config import check_names
from sensorium_tf.errors import SensoriumError
from sensorium_tf.fetching import check_digest, fetch
from sensorium_tf.interop.pytorch.convert import load_published
from sensorium_tf.io import expand
from sensorium_tf.models import FiringRateModel
from sensorium_tf.runs import load_model, save_model

_FOLDER = (
    "https://raw.githubusercontent.com/sinzlab/sensorium/main/notebooks/model_tutorial/"
    "model_checkpoints/pretrained"
)
# Each has 10 MB at most.
_LARGEST = 100 << 20
_CACHE = "~/.cache/sensorium_tf"


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """A published checkpoint.

    Attributes:
        file: Its name in the starting kit.
        sha256: Of its bytes, as hex.
    """

    file: str
    sha256: str

    @property
    def url(self) -> str:
        """Its published address."""
        return f"{_FOLDER}/{self.file}"


#: Preset to the checkpoint of the starting kit (github.com/sinzlab/sensorium) that it is.
CHECKPOINTS = types.MappingProxyType(
    {
        "cnn_2022_mouse1": Checkpoint(
            "sensorium_sota_model.pth",
            "7a87989732c34068fe10aaf1dd2c0421cb47cb1693b4f95a5e0e381632456173",
        ),
        "ln_2022_mouse1": Checkpoint(
            "sensorium_ln_model.pth",
            "4a243d8b76b9a523563c58530414bc6da5778be0448c7ec37b9d1a010989114a",
        ),
        "cnn_2022_mouse2": Checkpoint(
            "sensorium_p_sota_model.pth",
            "2c82812e8193ce72896d37e0ca6a5bf688ec3e284ba1e27dad8040ee21da274a",
        ),
        "ln_2022_mouse2": Checkpoint(
            "sensorium_p_ln_model.pth",
            "786723be498d87f676459f7fd9e975df61d7c86295dda8ea3afae8a29dc1d161",
        ),
    }
)


def from_preset(
    name: str,
    *,
    checkpoint: str | os.PathLike | None = None,
    cache_dir: str | os.PathLike = _CACHE,
) -> FiringRateModel:
    """Returns a published network as a Keras model.

    The first call downloads the checkpoint from the published repository and converts it, which
    takes PyTorch (extra `published`); later ones load what was converted.

    Example:
        model = sensorium_tf.from_preset("cnn_2022_mouse1")

    Args:
        name: `cnn_2022_mouse1`, `ln_2022_mouse1` (track `sensorium`), `cnn_2022_mouse2` or
            `ln_2022_mouse2` (track `sensorium_plus`).
        checkpoint: The file, if it is at hand already; it is checked even if it was converted.
        cache_dir: Where the file and the converted model are kept.

    Returns:
        The model, as `load_published` makes it.

    Raises:
        SensoriumError: If there is no such preset, there is neither a file nor a network, the file
            is not the published one, or PyTorch is missing.
    """
    check_names([name], CHECKPOINTS, "preset")
    published, cache = CHECKPOINTS[name], expand(cache_dir)
    converted = cache / f"{name}.keras"
    if checkpoint is None and converted.is_file():
        return load_model(converted)
    remedy = f"get {published.file} elsewhere and give its path as checkpoint"
    path = cache / published.file if checkpoint is None else expand(checkpoint)
    if checkpoint is None and not path.is_file():
        fetch(published.url, path, largest=_LARGEST, remedy=remedy)
    if not path.is_file():
        raise SensoriumError(f"{path}: there is no such file: {remedy}")
    check_digest(path, published.sha256, remedy=f"delete it, or {remedy}")
    if converted.is_file():
        return load_model(converted)
    model = load_published(path)
    save_model(model, converted)
    return model
