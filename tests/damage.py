"""Damage for files of any kind, drawn by hypothesis."""

import io
import json
import zipfile
from typing import Any

from hypothesis import strategies as st

# What the formats begin with, so that random bytes get past the first look.
MAGIC = (b"", b"PK\3\4", b"PK\5\6", b"\x93NUMPY\1\0", b"\x89HDF\r\n\x1a\n", b"\x80\2", b"{", b"[[")
_SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.sampled_from([0, -1, 2**31, 2**63, 10**400, 1e38, 1e-44, float("nan"), float("inf")]),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["\x1b[31m\n\r", "\u202e", "x" * 5000, "\ud800", "../../etc/passwd"]),
)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)


@st.composite
def damaged(draw, content: bytes) -> bytes:
    """Returns random bytes, or content that is cut or has some bits, or a piece, changed."""
    how = draw(st.sampled_from(["bits", "bits", "cut", "piece", "random", "end"]))
    if how == "random":
        return draw(st.sampled_from(MAGIC)) + draw(st.binary(max_size=200))
    if how == "cut":
        return content[: draw(st.integers(0, len(content)))]
    if how == "end":
        return content + draw(st.binary(min_size=1, max_size=40))
    changed = bytearray(content)
    at = draw(st.integers(0, max(len(content) - 1, 0)))
    if how == "piece":
        changed[at : at + draw(st.integers(0, 40))] = draw(st.binary(max_size=40))
    else:
        for place in [at, *draw(st.lists(st.integers(0, max(len(content) - 1, 0)), max_size=3))]:
            changed[place : place + 1] = [
                byte ^ 1 << draw(st.integers(0, 7)) for byte in changed[place : place + 1]
            ]
    return bytes(changed)


@st.composite
def damaged_zip(draw, content: bytes) -> bytes:
    """Returns a damaged zip file, or a sound one with a member that is damaged, gone or twice."""
    if draw(st.booleans()):
        return draw(damaged(content))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = draw(st.sampled_from(sorted(members)))
    how = draw(st.sampled_from(["content", "content", "content", "gone", "name", "packed"]))
    if how == "content":
        members[name] = draw(damaged(members[name]))
    elif how == "gone":
        del members[name]
    elif how == "name":
        # In the same folder, under any name.
        folder, suffix = name.rpartition("/")[0], draw(st.sampled_from(["", ".npy"]))
        other = draw(st.text(min_size=1, max_size=20) | st.just("\x1b" * 5000)) + suffix
        members[f"{folder}/{other}" if folder else other] = members.pop(name)
    stream = io.BytesIO()
    method = zipfile.ZIP_BZIP2 if how == "packed" else zipfile.ZIP_STORED
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, member in members.items():
            try:
                archive.writestr(name, member)
            except UnicodeEncodeError:  # a name that no zip file can hold
                archive.writestr("other", member)
    return stream.getvalue()


@st.composite
def damaged_zip_json(draw, content: bytes, name: str) -> bytes:
    """Returns a sound zip file, of which one member is damaged JSON."""
    stream = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as source,
        zipfile.ZipFile(stream, "w") as archive,
    ):
        for member in source.namelist():
            kept = source.read(member)
            archive.writestr(member, draw(damaged_json(kept)) if member == name else kept)
    return stream.getvalue()


@st.composite
def damaged_json(draw, content: bytes, *, sign=lambda values: values) -> bytes:
    """Returns damaged bytes, or JSON in which a value or a key is another.

    Args:
        draw: Hypothesis's.
        content: The text.
        sign: What makes a checksum fit again.
    """
    if draw(st.integers(0, 3)) == 0:
        return draw(damaged(content))
    values = json.loads(content)
    _change(draw, values)
    return json.dumps(sign(values)).encode("utf-8", "surrogatepass")


def _change(draw, values: Any) -> None:
    """Changes one value somewhere in JSON values, or takes it out."""
    while True:
        keys = list(values) if isinstance(values, dict) else range(len(values))
        key = draw(st.sampled_from(keys))
        inner = values[key]
        if isinstance(inner, dict | list) and inner and draw(st.integers(0, 4)):
            values = inner
            continue
        if draw(st.integers(0, 5)) == 0:
            del values[key]
        else:
            values[key] = draw(_VALUES)
        return
