"""The size at which models are given images of a recorded size."""

import math


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
