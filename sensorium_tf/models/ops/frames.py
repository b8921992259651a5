"""Clips as batches of frames, and back."""

from keras import ops


def flat_frames(clips):
    """Returns clips `(batch, frames, ...)` as one batch of frames, `(batch * frames, ...)`."""
    return ops.reshape(clips, (-1, *clips.shape[2:]))


def clips_of(frames, like):
    """Returns frames `(batch * frames, ...)` as clips `(batch, frames, ...)`.

    Args:
        frames: Of all clips, one clip after another.
        like: Clips of as many frames.
    """
    return ops.reshape(frames, (*ops.shape(like)[:2], *frames.shape[1:]))


def each_frame(layer, clips, **given):
    """Returns what a layer of images makes of the frames of clips, `(batch, frames, ...)`."""
    return clips_of(layer(flat_frames(clips), **given), clips)
