import pytest

from batch import batch, label, price
from glaze import Glaze, GlazeError, blend, in_percent

CLEAR = Glaze("Clear", {"feldspar": 40, "quartz": 30, "chalk": 20, "kaolin": 10})
BLUE = Glaze("Blue", {"feldspar": 1, "chalk": 1}, {"cobalt": 0.02})


def test_in_percent():
    assert in_percent(BLUE) == Glaze("Blue", {"feldspar": 50, "chalk": 50}, {"cobalt": 1})


def test_empty_glaze():
    with pytest.raises(GlazeError, match="Nothing is empty"):
        in_percent(Glaze("Nothing", {}))


def test_blend():
    mixture = blend(CLEAR, BLUE, 0.75)
    assert mixture.name == "Clear / Blue"
    assert mixture.parts == {"feldspar": 42.5, "quartz": 22.5, "chalk": 27.5, "kaolin": 7.5}
    assert mixture.colour == {"cobalt": 0.25}


def test_blend_with_a_share_over_one():
    with pytest.raises(GlazeError):
        blend(CLEAR, BLUE, 75)


def test_batch():
    assert batch(BLUE, 2000) == {"feldspar": 1000, "chalk": 1000, "cobalt": 20}


def test_price():
    assert price(CLEAR, 5000) == 905


def test_label():
    assert label(BLUE, 200) == "Blue, 200 g\n   100 g feldspar\n   100 g chalk\n     2 g cobalt"
