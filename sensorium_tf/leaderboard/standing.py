"""Which submissions stand in one table: those that saw and learnt from the same."""

from collections.abc import Mapping
from typing import Any

from sensorium_tf.challenges import DEFAULT, Challenge

#: The standing of submissions that saw what the track allows and learnt from what they should.
PLAIN = ""

_UNKNOWN = "what it saw and was trained on is not known"


def standing_of(label: Mapping[str, Any] | None, rules: str, challenge: Challenge = DEFAULT) -> str:
    """Returns what sets a submission apart, in words; `PLAIN` if nothing does.

    Submissions of unequal standing are not ranked together.

    Args:
        label: What `submission.json` says; None if there is none.
        rules: The challenge's track.
        challenge: Says which signals the track allows, and which tiers are for training.
    """
    if label is None:
        return _UNKNOWN
    provenance = label["provenance"]
    inputs, trained_on = _names(provenance.get("inputs")), _names(provenance.get("trained_on"))
    if inputs is None or trained_on is None:
        return _UNKNOWN
    track = challenge.track(rules)
    found = []
    if any("response" in name for name in inputs):
        found.append("uses past responses")
    # Names come from strangers and head tables: those that the challenge does not know stay unsaid.
    known = {signal.name for signal in challenge.recording.context}
    stimulus = challenge.recording.stimulus.name
    others = {n for n in inputs if not n.endswith(stimulus) and "response" not in n}
    seen_signals = [] if track.context else sorted(others & known)
    if others - known:
        seen_signals.append("other signals")
    if seen_signals:
        found.append(f"sees {', '.join(seen_signals)}")
    seen = provenance.get("seen_before")
    before = [_names(each) or () for each in seen.values()] if isinstance(seen, Mapping) else []
    learnt_from = {*trained_on, *(tier for tiers in before for tier in tiers)}
    if challenge.validation_tier in trained_on:
        found.append(f"trained on {challenge.validation_tier} trials")
    if learnt_from & {*challenge.test_tiers}:
        found.append("trained on test trials")
    sources = [provenance.get(name) for name in ("started_from", "taught_by")]
    if any(each is not None for each in sources) and provenance.get("start_known") is not True:
        found.append("not all that its start had seen is known")
    return "; ".join(found)


def _names(value: Any) -> tuple[str, ...] | None:
    is_names = isinstance(value, list) and all(isinstance(each, str) for each in value)
    return tuple(value) if is_names else None
