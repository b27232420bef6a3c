import pytest

import glaze
from glaze import Glaze, GlazeError


@pytest.fixture
def clear():
    return Glaze("Clear", {"feldspar": 40, "quartz": 30, "kaolin": 10}, {"cobalt": 1})


def test_another_material(clear):
    result = glaze.substitute(clear, "feldspar", "nepheline")
    assert result.parts == {"nepheline": 40, "quartz": 30, "kaolin": 10}


def test_name_and_colour_stay(clear):
    result = glaze.substitute(clear, "feldspar", "nepheline")
    assert (result.name, result.colour) == ("Clear", {"cobalt": 1})


def test_factor(clear):
    result = glaze.substitute(clear, "feldspar", "nepheline", 0.75)
    assert result.parts["nepheline"] == 30
    assert result.total == 70


def test_material_that_is_in_the_glaze_already(clear):
    result = glaze.substitute(clear, "kaolin", "quartz", factor=0.5)
    assert result.parts == {"feldspar": 40, "quartz": 35}


def test_glaze_itself_is_left_alone(clear):
    glaze.substitute(clear, "feldspar", "nepheline")
    assert clear.parts == {"feldspar": 40, "quartz": 30, "kaolin": 10}


def test_material_that_is_not_in_the_glaze(clear):
    with pytest.raises(GlazeError, match="no chalk in Clear"):
        glaze.substitute(clear, "chalk", "dolomite")
