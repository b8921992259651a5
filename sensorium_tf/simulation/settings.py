"""What decides a simulated recording, as flags name it."""

import dataclasses

from sensorium_tf.config import Config, setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class SimulationSettings(Config):
    """The mouse that is simulated, and what of it is recorded."""

    title = "recording"

    session: str = setting("26872-17-20", "Session key: animal-session-scan.", essential=True)
    neurons: int = setting(500, "Neurons of the simulated mouse.", essential=True)
    images: int = setting(1000, "Images shown once, for training and validation.", essential=True)
    repeats: int = setting(10, "How often each test image or movie is shown.", essential=True)
    seed: int = setting(
        0, "Of all that is drawn: equal flags and seeds give equal files.", essential=True
    )
    competition: bool = setting(False, "Withhold the test tiers' responses.", essential=True)
    behavior: bool = setting(True, "Record behavior and pupil center, or zeros.")
    clips: int = setting(60, "Movies shown once, for training (of sensorium2023).")
    frames: int = setting(300, "Frames of the longest movies (of sensorium2023).")
    image_size: str | None = setting(None, "Height x width, such as 36x64, if not the challenge's.")
    channels: int | None = setting(None, "Colours of the images, if not the challenge's.")
    behaviors: int | None = setting(
        None, "Columns of behavior, if not the challenge's; 0 for none."
    )
    pupil: bool = setting(True, "Whether there is a pupil center.")
    context: tuple[str, ...] = setting((), "Further signals, such as decision, joined by commas.")
    slow_gain: float = setting(
        0.0,
        "Size of a hidden gain that neurons share and that drifts over a hundred trials: about the "
        "standard deviation of the log rate by it.",
        at_least=0,
    )
    adaptation: float = setting(
        0.0,
        "How much a neuron's activity in the trials before, of about three, lowers its rate: by 1 "
        "/ (1 + adaptation) after average ones.",
        at_least=0,
    )
    shared_fluctuations: float = setting(
        0.0,
        "Size of hidden fluctuations from trial to trial that neurons share, in the log rate.",
        at_least=0,
    )
