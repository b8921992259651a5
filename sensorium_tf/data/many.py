"""Preparing many mice: one after another, or several at once."""

import functools
import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from sensorium_tf.challenges import DEFAULT, Challenge, challenge_of
from sensorium_tf.data.mouse import Mouse
from sensorium_tf.data.names import mouse_names
from sensorium_tf.data.opening import load_mouse
from sensorium_tf.data.preparation import prepare
from sensorium_tf.data.processes import Outcome, in_processes, in_turn
from sensorium_tf.errors import SensoriumError
from sensorium_tf.progress import ProgressLine

# So many names fit into a line.
_MOST_NAMED = 20


def prepare_mice(
    mice: str | Iterable[str] | Mapping[str, str | os.PathLike],
    *,
    jobs: int = 1,
    report: Callable[[Mouse], None] | None = None,
    data_dir: str | os.PathLike | None = None,
    challenge: Challenge = DEFAULT,
    **options: Any,
) -> dict[str, Mouse]:
    """Prepares several mice, as `prepare` does each; one that fails does not stop the others.

    Example:
        >>> prepare_mice({"lab1": "a.zip", "lab2": "b.zip"}, jobs=2)

    Args:
        mice: Their names; or name to recording, for custom ones.
        jobs: How many are prepared at the same time, each in a process of its own: a script that
            asks for several has to do so under `if __name__ == "__main__":`.
        report: Called with each mouse once it is prepared.
        data_dir: As of `prepare`.
        challenge: As of `prepare`.
        **options: Further arguments of `prepare`, for all of them.

    Returns:
        Name to prepared mouse, in the order of `mice`.

    Raises:
        SensoriumError: If some of them could not be prepared; the others are then, and of several
            mice a warning has said what is wrong with each. Or if there are no mice, or duplicates.
    """
    if type(jobs) is not int or jobs < 1:
        raise SensoriumError(f"jobs {jobs!r}: expected a whole number of 1 or more")
    recordings = dict(mice) if isinstance(mice, Mapping) else {}
    names = mouse_names([*recordings] if recordings else mice)
    work = functools.partial(_prepare, data_dir=data_dir, challenge=challenge.name, **options)
    items = [(name, recordings.get(name)) for name in names]
    at_once = min(jobs, len(items))
    if at_once > 1:
        outcomes = _with_line(in_processes(work, items, jobs=at_once), len(items))
    else:
        outcomes = in_turn(work, items)
    prepared, failed = {}, []
    for outcome in outcomes:
        name, _ = outcome.item
        for text in outcome.warnings:
            warnings.warn(text, stacklevel=2)
        if outcome.error is not None and len(names) == 1:
            raise SensoriumError(outcome.error)
        if outcome.error is not None:
            warnings.warn(f"{name} is not prepared: {outcome.error}", stacklevel=2)
            failed.append(name)
            continue
        prepared[name] = load_mouse(name, data_dir=data_dir, challenge=challenge)
        if report is not None:
            report(prepared[name])
    if failed:
        more = f" and {len(failed) - _MOST_NAMED} more" if len(failed) > _MOST_NAMED else ""
        raise SensoriumError(
            f"{len(failed)} of {len(names)} mice could not be prepared, all others are; a warning "
            f"says why: {', '.join(failed[:_MOST_NAMED])}{more}"
        )
    return {name: prepared[name] for name in names}


def _prepare(item: tuple[str, str | os.PathLike | None], *, challenge: str, **options: Any) -> None:
    # A challenge does not go to another process, its name does.
    name, recording = item
    prepare(name, recording=recording, challenge=challenge_of(challenge), **options)


def _with_line(outcomes: Iterator[Outcome], n_mice: int) -> Iterator[Outcome]:
    """Yields outcomes; on a terminal a line on stderr says how many there are yet."""
    line, failed = ProgressLine(), 0
    try:
        line.show(f"preparing {n_mice} mice")
        for done, outcome in enumerate(outcomes, 1):
            failed += outcome.error is not None
            line.clear()
            yield outcome
            bad = f", {failed} of them failed" if failed else ""
            line.show(f"preparing {n_mice} mice: {done} done{bad}")
    finally:
        line.clear()
