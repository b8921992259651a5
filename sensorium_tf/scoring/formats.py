"""The formats that a challenge's files may have, and what can be done with files of each."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sensorium_tf.challenges import DEFAULT, Challenge
from sensorium_tf.scoring.alignment import aligned, check_image_submission
from sensorium_tf.scoring.movie_alignment import Aligned, aligned_movies, check_movie_submission
from sensorium_tf.scoring.movie_files import parquet_library
from sensorium_tf.scoring.outlines import write_image_outline, write_movie_outline


@dataclass(frozen=True, kw_only=True)
class FileFormat:
    """What can be done with submissions and ground truth of a format, all by a challenge's rules.

    Attributes:
        is_compressed: Whether its files are hardly smaller when they are compressed once more.
        load: Imports what reads them; raises SensoriumError if that is not installed.
        check: Reads a submission by itself; returns how many `trials` and `neurons` it has.
        aligned: Yields the mice of a submission and its ground truth, side by side.
        write_outline: Writes what a ground truth is about, as one without responses, into a file.
    """

    is_compressed: bool
    load: Callable[[], object]
    check: Callable[..., dict[str, int]]
    aligned: Callable[..., Iterator[Aligned]]
    write_outline: Callable[..., None]


def format_of(challenge: Challenge) -> FileFormat:
    """Returns the format of a challenge's submissions and ground truth."""
    return _FORMATS[challenge.file_format]


def check_submission(path: str | os.PathLike, *, challenge: Challenge = DEFAULT) -> dict[str, int]:
    """Checks a submission by itself, as before an upload: every row is read once.

    Args:
        path: The file.
        challenge: Whose it is.

    Returns:
        How many `trials` and `neurons` it has, and `mice` where it names them.

    Raises:
        SensoriumError: If it is damaged, or holds what a submission does not.
    """
    return format_of(challenge).check(path, challenge=challenge)


def _aligned_images(
    submission: str | os.PathLike, ground_truth: str | os.PathLike, *, challenge: Challenge
) -> Iterator[Aligned]:
    """Yields the one mouse of two files, which do not name it."""
    yield Aligned(None, *aligned(submission, ground_truth))


_FORMATS = {
    "csv": FileFormat(
        is_compressed=False,
        load=lambda: None,
        check=check_image_submission,
        aligned=_aligned_images,
        write_outline=write_image_outline,
    ),
    "parquet": FileFormat(
        is_compressed=True,
        load=parquet_library,
        check=check_movie_submission,
        aligned=aligned_movies,
        write_outline=write_movie_outline,
    ),
}
