"""Parts by name, as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorium_tf import SensoriumError
from sensorium_tf.registry import RECIPES, Part, Registry


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("vit", Part("vit")),
        (" vit ", Part("vit")),
        ("vit()", Part("vit")),
        ("vit(depth=4)", Part("vit", {"depth": 4})),
        ("vit(depth=-4, pool=mean)", Part("vit", {"depth": -4, "pool": "mean"})),
        ("a(b='x y', c=1e-3)", Part("a", {"b": "x y", "c": 0.001})),
        ("a(b=true, c=False, d=None)", Part("a", {"b": True, "c": False, "d": None})),
        ("a(b=[1, 2], c=(3,))", Part("a", {"b": [1, 2], "c": (3,)})),
    ],
)
def test_a_part_is_read(text, part):
    assert Part.parse(text) == part
    assert Part.parse(str(part)) == part


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "a b",
        "1",
        "'vit'",
        "a(1)",
        "a(b)",
        "a(b=1, b=2)",
        "a(**{'b': 1})",
        "a(*b)",
        "a.b(c=1)",
        "a(b=1)(c=2)",
        "a(b={1: 2})",
        "a(b=1e999)",
        "a(b=[[1], {2}])",
        "a(b=1); c",
        "a = b",
        "a(b=",
        "a(b=c(d=1))",
        "a(b=__import__('os').system('true'))",
        "a(b=().__class__)",
        "a(b=f'{1}')",
        "a(b=x.y)",
        "a(b=[c])",
        "a(b=1 if 2 else 3)",
        "a(b=9**9**9)",
        "a(b=lambda: 1)",
        "a\x00",
        "a(b=" + "(" * 5000 + ")" * 5000 + ")",
        "a(b=" + "-" * 9000 + "1)",
        "a(b=" + "9" * 20000 + ")",
        "a" * 20000,
    ],
)
def test_what_is_no_part_is_refused_and_not_run(text):
    with pytest.raises(SensoriumError) as caught:
        Part.parse(text)
    assert len(str(caught.value)) < 400


@given(st.text(max_size=60) | st.from_regex(r"[a-z]+\([a-z]=.{0,40}\)", fullmatch=True))
def test_any_text_is_a_part_or_refused(text):
    try:
        part = Part.parse(text)
    except SensoriumError:
        return
    assert part.name.isidentifier()


def test_options_are_added():
    part = Part("a", {"b": 1}).with_options({"b": 2, "c": 3})
    assert part == Part("a", {"b": 2, "c": 3})


def test_parts_are_found_by_their_files_and_by_being_registered():
    recipes = Registry("recipe", "sensorium_tf.recipes")
    assert recipes.names() == ("best", "fast", "published") and "fast" in recipes
    assert RECIPES["fast"].values["epochs"] == 22
    recipes.register("mine")(3)
    assert recipes.names() == ("best", "fast", "published", "mine") and recipes["mine"] == 3
    with pytest.raises(SensoriumError, match="^fats: no such recipe: did you mean fast?"):
        recipes["fats"]
    with pytest.raises(SensoriumError, match="recipe 'a b': expected a name of letters"):
        recipes.register("a b")
