from pins.sheet import Pin, middle, sheet

MILL = Pin.from_line("Old mill; 48°12'30\"N; 16°22'E")
WELL = Pin.from_line("Well; 48°13'N; 16°21'30\"E")


def test_pin():
    assert str(MILL) == "48°12'30\"N 16°22'00\"E"


def test_sheet():
    assert sheet([MILL, WELL]).splitlines() == [
        "Well      48°13'00\"N 16°21'30\"E",
        "Old mill  48°12'30\"N 16°22'00\"E",
    ]


def test_empty_sheet():
    assert sheet([]) == ""


def test_middle():
    assert str(middle([MILL, WELL])) == "48°12'45\"N 16°21'45\"E"


def test_middle_of_three():
    north = ["47°59'59\"N", "48°N", "47°59'59.9\"N"]
    pins = [Pin.from_line(f"Rock; {text}; 16°E") for text in north]
    assert str(middle(pins)) == "48°00'00\"N 16°00'00\"E"
