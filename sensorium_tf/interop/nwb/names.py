"""What things are called in the NWB files that this package writes."""

#: Where such a file says what is what in it.
MAPPING_PATH = "scratch/sensorium_tf_mapping"
#: What NWB's tables have beside their columns, or columns that mean something else to it.
TABLE_COLUMNS = (
    "id",
    "start_time",
    "stop_time",
    "tags",
    "tags_index",
    "timeseries",
    "timeseries_index",
)
#: Column with the number that a trial has in the recording.
TRIAL_INDEX = "trial_index"
# Columns that only we may call so.
_OURS = (*TABLE_COLUMNS, TRIAL_INDEX)


def column_name(metadata: str) -> str:
    """Returns the name of the column for metadata: theirs, or with a `_` if that is taken."""
    return f"{metadata}_" if metadata.rstrip("_") in _OURS else metadata


def metadata_name(column: str) -> str:
    """Returns the name of the metadata that are in a column; the inverse of `column_name`."""
    taken = column.endswith("_") and column.rstrip("_") in _OURS
    return column.removesuffix("_") if taken else column
