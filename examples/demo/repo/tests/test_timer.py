from tea.timer import clock, display


def test_clock():
    assert clock(750) == "12:30"


def test_clock_with_few_seconds():
    assert clock(125) == "02:05"


def test_ready():
    assert display("assam", 1, elapsed=180) == "assam is ready"


def test_counting_down():
    assert display("rooibos", 2, elapsed=20) == "rooibos 07:40"
