"""Settings that check themselves, and the flags that follow from them."""

import dataclasses
import json
import types

import numpy as np
import pytest
from absl import flags

from sensorium_tf import SensoriumError
from sensorium_tf.config import (
    Config,
    check_names,
    flat_fields,
    from_flat,
    hint,
    setting,
    with_defaults,
)
from sensorium_tf.flags import define_flags, help_text, show


@dataclasses.dataclass(frozen=True, kw_only=True)
class Inner(Config):
    """What is inside."""

    title = "inside"

    share: float | None = setting(None, "A share.", at_least=0, below=1)
    numbers: tuple[int, ...] = setting((), "Numbers.")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Outer(Config):
    """What is outside."""

    title = "outside"

    names: tuple[str, ...] = setting(("a",), "Names.", essential=True)
    count: int = setting(3, "A count.", at_least=1, at_most=9)
    kind: str = setting("x", "A kind.", choices=("x", "y"))
    found: str = setting("x", "Found at run time.", choices=lambda: ("x", "z"))
    on: bool | None = setting(None, "Whether it is on.")
    rate: float = setting(0.5, "A rate.", above=0)
    inner: Inner = setting(Inner(), "What is inside.")


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"count": 2.5}, "count 2.5: expected a whole number"),
        ({"count": True}, "count True: expected a whole number"),
        ({"count": None}, "count None: expected a whole number"),
        ({"count": 0}, "count 0: expected at least 1"),
        ({"count": 10}, "count 10: expected at most 9"),
        ({"rate": 0}, "rate 0: expected more than 0"),
        ({"rate": float("nan")}, "rate nan: expected a finite number"),
        ({"rate": 10**400}, "rate 1000.*: expected a finite number"),
        ({"rate": "1"}, "rate '1': expected a finite number"),
        ({"names": 3}, "names 3: expected a list of names"),
        ({"names": ("a", 1)}, "names .'a', 1.: expected a list of names"),
        ({"kind": "z"}, "kind 'z': expected x or y"),
        ({"found": "y"}, "found 'y': expected x or z"),
        ({"on": "yes"}, "on 'yes': expected true or false"),
        ({"inner": None}, "inner None: expected Inner"),
        ({"inner": {"share": 0.5}}, "inner .*: expected Inner"),
    ],
)
def test_a_value_that_is_not_possible_is_refused(values, says):
    with pytest.raises(SensoriumError, match=f"^{says}$"):
        Outer(**values)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"share": 1}, "share 1: expected less than 1"),
        ({"numbers": (1.0,)}, "numbers .1.0,.: expected a list of whole numbers"),
        ({"numbers": np.array([1.5])}, "numbers .*: expected a list of whole numbers"),
    ],
)
def test_what_is_inside_is_checked_as_well(values, says):
    with pytest.raises(SensoriumError, match=f"^{says}$"):
        Inner(**values)


def test_what_numpy_and_lists_hold_becomes_plain():
    made = Outer(names=["a", "b"], count=np.int64(4), rate=np.float32(0.5), on=None)
    assert made == Outer(names=("a", "b"), count=4)
    assert (type(made.count), type(made.rate)) == (int, float)
    assert Outer(names="ab").names == ("ab",)
    assert Inner(numbers=np.array([3, 1])).numbers == (3, 1)


def test_settings_are_read_back_from_json():
    made = Outer(names=("b",), on=False, inner=Inner(share=0.25, numbers=(1, 2)))
    assert Outer.from_json(json.loads(json.dumps(made.to_json()))) == made


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ([], r"\[\]: expected settings by name"),
        ({**Outer().to_json(), "more": 1}, "'more': no such setting"),
        ({"names": ["a"]}, "count: is missing from the settings"),
        ({**Outer().to_json(), "inner": 3}, "3: expected settings by name"),
        ({**Outer().to_json(), "count": "3"}, "count '3': expected a whole number"),
    ],
)
def test_json_of_something_else_is_refused(values, says):
    with pytest.raises(SensoriumError, match=f"^{says}$"):
        Outer.from_json(values)


def test_settings_side_by_side_find_their_place():
    assert list(flat_fields(Outer)) == [
        "names", "count", "kind", "found", "on", "rate", "share", "numbers"
    ]  # fmt: skip
    assert from_flat(Outer, {"share": 0.5, "count": 2}) == Outer(count=2, inner=Inner(share=0.5))


def test_values_stand_for_none_alone():
    filled = with_defaults(Outer(rate=2.0), {"rate": 9.0, "on": True, "share": 0.5})
    assert filled == Outer(rate=2.0, on=True, inner=Inner(share=0.5))
    with pytest.raises(SensoriumError, match="share 2: expected less than 1"):
        with_defaults(Outer(), {"share": 2})


def test_a_name_that_is_none_has_a_hint():
    with pytest.raises(SensoriumError, match="^cuont: no such setting: did you mean count?"):
        check_names(["cuont"], ["count", "rate"], "setting")
    with pytest.raises(SensoriumError, match="^zzz: no such setting: expected count or rate$"):
        check_names(["zzz"], ["count", "rate"], "setting")


@pytest.mark.parametrize(
    ("known", "said"),
    [
        (["fast", "published"], "did you mean fast?"),
        (["x", "y"], "expected x or y"),
        (["x"], "expected x"),
        (["x", "y", "z"], "expected one of x, y, z"),
        ([], "there are none"),
    ],
)
def test_a_hint_is_the_closest_name_or_all_of_them(known, said):
    assert hint("fsat", known) == said
    assert hint("fsat", known, "ask") == (said if "fast" in known else "ask")


def test_a_choice_that_is_none_has_the_same_hint():
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Chosen(Config):
        """What is chosen."""

        found: str = setting("find", "Found.", choices=("find", "lose"))

    with pytest.raises(SensoriumError, match="^found 'fnd': did you mean find?"):
        Chosen(found="fnd")
    values = flags.FlagValues()
    define_flags(Chosen, flag_values=values)
    with pytest.raises(flags.IllegalFlagValueError, match="--found=fnd: did you mean find?"):
        values(["command", "--found=fnd"])


def test_a_setting_without_a_default_has_to_be_given():
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Needed(Config):
        """What is needed."""

        values: dict = setting(dataclasses.MISSING, "Values by name.")

    assert Needed(values=types.MappingProxyType({"a": 1})).values == {"a": 1}
    with pytest.raises(SensoriumError, match="^values 3: expected values by name$"):
        Needed(values=3)
    with pytest.raises(TypeError, match="values"):
        Needed()


def test_the_documentation_lists_the_settings():
    assert "Attributes:\n        names: Names.\n        count: A count." in Outer.__doc__


@pytest.fixture
def parsed():
    """Flags of the settings, as a command line sets them."""

    def parse(*arguments):
        values = flags.FlagValues()
        made = define_flags(Outer, default_texts={"share": "of the recipe"}, flag_values=values)
        values(["command", *arguments])
        return made

    return parse


def test_flags_follow_from_settings(parsed):
    assert from_flat(Outer, parsed().values()) == Outer()
    made = parsed("--names=a,b", "--noon", "--rate=2", "--numbers=3,4", "--kind=y", "--share=0.5")
    assert from_flat(Outer, made.values()) == Outer(
        names=("a", "b"), on=False, rate=2.0, kind="y", inner=Inner(share=0.5, numbers=(3, 4))
    )
    assert made["rate"].present and not made["count"].present


@pytest.mark.parametrize(
    ("argument", "says"),
    [
        ("--count=many", "many"),
        ("--kind=z", "--kind=z: expected x or y"),
        ("--numbers=3,-1", "expected whole numbers such as 0,1,2"),
        ("--numbers=a", "expected whole numbers"),
    ],
)
def test_a_flag_of_another_kind_is_refused(parsed, argument, says):
    with pytest.raises(flags.IllegalFlagValueError, match=says.replace("|", r"\|")):
        parsed(argument)


def test_what_is_found_at_run_time_is_checked_by_the_settings(parsed):
    values = parsed("--found=y").values()
    with pytest.raises(SensoriumError, match="found 'y': expected x or z"):
        from_flat(Outer, values)


def test_help_is_grouped(parsed):
    values = flags.FlagValues()
    define_flags(Outer, default_texts={"share": "of the recipe"}, flag_values=values)
    folder = flags.DEFINE_string("folder", None, "A folder.", flag_values=values)
    show(folder, flag_values=values)
    flags.DEFINE_bool("more", False, "More.", flag_values=values)
    text = help_text([values[name] for name in values])
    assert text.startswith("essentials:\n  --names\n      Names. (default: a)\n  --folder\n")
    titles = [line for line in text.splitlines() if not line.startswith(" ") and line]
    assert titles == ["essentials:", "outside:", "inside:", "other:"]
    assert "  --kind=<x|y>\n      A kind. (default: x)\n" in text
    assert "  --share\n      A share. (default: of the recipe)\n" in text
    assert text.endswith("  --[no]more\n      More. (default: false)")
    assert "Found at run time. One of x, z. (default: x)" in text


def test_a_command_picks_some_settings():
    values = flags.FlagValues()
    picked = define_flags(
        Outer,
        ["share", "count", "on"],
        required=["on"],
        defaults={"count": 5},
        flag_values=values,
    )
    with pytest.raises(flags.IllegalFlagValueError, match="--on"):
        values(["command"])
    values(["command", "--on"])
    assert picked.values() == {"share": None, "count": 5, "on": True}
    text = help_text([values[name] for name in values])
    assert text.startswith("essentials:\n  --[no]on\n")
    assert "A count. (default: 5)" in text and "--rate" not in text
    with pytest.raises(SensoriumError, match="cuont: no such flag: did you mean count?"):
        define_flags(Outer, ["count"], defaults={"cuont": 5}, flag_values=flags.FlagValues())


def test_a_list_may_be_left_out():
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Listed(Config):
        """What is listed."""

        some: tuple[str, ...] | None = setting(None, "Some, or all.")
        seeds: tuple[int, ...] | None = setting(None, "Some, or all.")

    values = flags.FlagValues()
    made = define_flags(Listed, flag_values=values)
    values(["command"])
    assert made.values() == {"some": None, "seeds": None}


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("--noshifter", "none"),
        ("--shifter=None", "none"),
        ("--shifter=none", "none"),
        ("--shifter", None),
        ("--shifter=mlp", "mlp"),
    ],
)
def test_what_can_be_switched_off_is(argument, value):
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Parts(Config):
        """Parts."""

        shifter: str | None = setting(None, "A part.", off="none")

    values = flags.FlagValues()
    made = define_flags(Parts, flag_values=values)
    values(["command", argument])
    assert made["shifter"].value == value
