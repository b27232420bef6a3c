import pytest

from pins.angle import format_angle, parse_angle


@pytest.mark.parametrize(
    ("text", "degrees"),
    [
        ("48°12'36\"N", 48.21),
        ("0°30's", -0.5),
        ("16° 15' E", 16.25),
        ("70°W", -70),
        ("1°0'1.8\"N", 1.0005),
    ],
)
def test_parse(text, degrees):
    assert parse_angle(text) == pytest.approx(degrees)


@pytest.mark.parametrize("text", ["48.21", "91°N", "90°0'1\"S", "12°5'", "°N"])
def test_unreadable(text):
    with pytest.raises(ValueError):
        parse_angle(text)


@pytest.mark.parametrize(
    ("degrees", "text"),
    [(48.21, "48°12'36\"N"), (-0.5, "0°30'00\"S"), (16.001, "16°00'04\"N"), (0, "0°00'00\"N")],
)
def test_format(degrees, text):
    assert format_angle(degrees, "NS") == text


@pytest.mark.parametrize(
    ("degrees", "text"),
    [
        (12.0166, "12°01'00\"E"),
        (47.99999, "48°00'00\"E"),
        (-9.99999, "10°00'00\"W"),
        (0.5166, "0°31'00\"E"),
    ],
)
def test_sixty_seconds_are_a_minute(degrees, text):
    assert format_angle(degrees, "EW") == text


@pytest.mark.parametrize("text", ["48°12'30\"N", "5°59'59\"N", "89°01'01\"S"])
def test_there_and_back(text):
    assert format_angle(parse_angle(text), "NS") == text
