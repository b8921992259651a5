"""The size at which models are given images of a recorded size."""

import math
import re

from sensorium_tf.errors import SensoriumError

#: The size of a recording's images, as people name it.
RECORDED = "recorded"

# Sizes that a message names.
_SHOWN = 4


def parse_size(text: str, *, example: tuple[int, int]) -> tuple[int, int]:
    """Returns height and width of a text such as `36x64`.

    Args:
        text: What somebody wrote.
        example: A size to name in the message.

    Raises:
        SensoriumError: If the text is no size.
    """
    match = re.fullmatch(r"(\d{1,5})x(\d{1,5})", text)
    if match is None:
        raise SensoriumError(
            f"image size {text!r}: expected height x width, such as {_written(example)}"
        )
    return int(match[1]), int(match[2])


def check_size(recorded: tuple[int, int], given: tuple[int, int]) -> None:
    """Raises SensoriumError unless images of a recorded size can be given at another one.

    Args:
        recorded: `(height, width)`.
        given: `(height, width)`, the recorded size divided by a whole number.
    """
    step = size_step(recorded, given)
    if min(given) < 1 or given != (recorded[0] // step, recorded[1] // step):
        steps = range(1, 1 + min(_SHOWN, *recorded))
        sizes = ", ".join(_written((recorded[0] // n, recorded[1] // n)) for n in steps)
        raise SensoriumError(
            f"image size {_written(given)}: images of {_written(recorded)} pixels are made smaller "
            f"by a whole number: choose {sizes} or a smaller one"
        )


def input_size(recorded: tuple[int, int], largest: tuple[int, int]) -> tuple[int, int]:
    """Returns the size at which a model is given images of a recorded size.

    Images are made smaller by a whole number, so that they come near a size without exceeding it by
    half.

    Args:
        recorded: `(height, width)`.
        largest: `(height, width)` to come near.
    """
    step = max(1, round(math.sqrt(math.prod(recorded) / math.prod(largest))))
    step = min(step, *recorded)
    return recorded[0] // step, recorded[1] // step


def size_step(recorded: tuple[int, int], given: tuple[int, int]) -> int:
    """Returns the whole number by which images of a recorded size become those of a smaller one.

    Args:
        recorded: `(height, width)`.
        given: `(height, width)`, from `input_size`.
    """
    return max(large // (small + 1) + 1 for large, small in zip(recorded, given, strict=True))


def central_pixels(step: int) -> range:
    """Returns which of each `step` recorded pixels, along one axis, make one of a model's pixels.

    They are those at the centre, two of an even number and one of an odd one: what bilinear
    interpolation with half-pixel centres and without antialiasing takes the mean of.

    Args:
        step: As of `InputSpec`.
    """
    return range((step - 1) // 2, step // 2 + 1)


def _written(size: tuple[int, int]) -> str:
    return "x".join(map(str, size))
