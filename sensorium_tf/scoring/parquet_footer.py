"""What a parquet file says of itself at its end, parsed as data.

The library that reads parquet files ends the process where some of this is damaged, so how much
a file claims to hold is looked up here before anything is handed to it.
"""

import struct
from collections import Counter
from typing import Any, BinaryIO

_MAGIC = b"PAR1"
# That of a thousand row groups takes half a megabyte.
_LARGEST_BYTES = 4 << 20
_DEEPEST = 16
# Fields of the format's FileMetaData, SchemaElement, RowGroup, ColumnChunk and ColumnMetaData.
_SCHEMA, _ROW_GROUPS, _N_CHILDREN = 2, 4, 5
_COLUMNS, _META, _PATH, _N_VALUES = 1, 3, 3, 5


def count_values(file: BinaryIO) -> Counter[str]:
    """Returns how many values each column of a parquet file claims to hold, by its name.

    Args:
        file: The file, open for reading; its position is moved.

    Raises:
        ValueError: If it is no complete parquet file, or its end is damaged.
    """
    size = file.seek(0, 2)
    file.seek(max(0, size - 8))
    length, magic = struct.unpack("<I4s", file.read(8).rjust(8, b"\0"))
    if magic != _MAGIC or length > min(size - 12, _LARGEST_BYTES):
        raise ValueError("its end is missing")
    file.seek(size - 8 - length)
    footer = _Compact(file.read(length)).structure()
    counts: Counter[str] = Counter()
    try:
        _check_depth(footer[_SCHEMA])
        for group in footer[_ROW_GROUPS]:
            for column in group[_COLUMNS]:
                meta = column[_META]
                n_values = meta[_N_VALUES]
                if not 0 <= n_values < 2**40:
                    raise ValueError(f"{n_values} values in a column")
                counts[meta[_PATH][0].decode()] += n_values
    except (KeyError, TypeError, AttributeError, IndexError) as e:
        raise ValueError("its end is damaged") from e
    return counts


def _check_depth(schema: list[dict[int, Any]]) -> None:
    """Raises ValueError if columns are nested more deeply than any reader should follow them."""
    # How many children each of the elements around the next one still has.
    missing: list[int] = []
    for element in schema:
        while missing and not missing[-1]:
            missing.pop()
        if missing:
            missing[-1] -= 1
        if len(missing) > _DEEPEST:
            raise ValueError("its columns are nested too deeply")
        missing.append(element.get(_N_CHILDREN, 0))


class _Compact:
    """Thrift's compact protocol: fields by number, lists, whole numbers and bytes.

    Args:
        content: Of one structure.
    """

    def __init__(self, content: bytes):
        self._content, self._at = content, 0

    def structure(self, depth: int = 0) -> dict[int, Any]:
        """Returns the fields of the structure that begins here."""
        if depth > _DEEPEST:
            raise ValueError("nested too deeply")
        fields: dict[int, Any] = {}
        number = 0
        while header := self._byte():
            step, kind = header >> 4, header & 15
            number = number + step if step else self._signed()
            fields[number] = kind == 1 if kind in (1, 2) else self._value(kind, depth)
        return fields

    def _value(self, kind: int, depth: int) -> Any:
        if kind in (1, 2, 3):
            return self._byte()
        if kind in (4, 5, 6):
            return self._signed()
        if kind == 7:
            return self._bytes(8)
        if kind == 8:
            return self._bytes(self._unsigned())
        if kind in (9, 10):
            header = self._byte()
            n, item = header >> 4, header & 15
            n = self._unsigned() if n == 15 else n
            if n > len(self._content) - self._at:
                raise ValueError(f"a list of {n}")
            return [self._value(item, depth + 1) for _ in range(n)]
        if kind == 12:
            return self.structure(depth + 1)
        raise ValueError(f"a value of kind {kind}")

    def _byte(self) -> int:
        return self._bytes(1)[0]

    def _bytes(self, n: int) -> bytes:
        found = self._content[self._at : self._at + n]
        if len(found) < n:
            raise ValueError("it ends too early")
        self._at += n
        return found

    def _unsigned(self) -> int:
        value, shift = 0, 0
        while True:
            byte = self._byte()
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value
            if shift > 63:
                raise ValueError("a number of too many bytes")

    def _signed(self) -> int:
        value = self._unsigned()
        return (value >> 1) ^ -(value & 1)
