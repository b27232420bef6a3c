from tides.ports import read_ports
from tides.table import next_high, table

PORTS = read_ports("""\
# name; high; low
Norddeich; -0:20; -0:05
Emden; 1:10; 1:25
Borkum; -1:15; -1:00
""")
DAY = [("low", "4:10"), ("high", "10:15"), ("low", "16:35"), ("high", "22:55")]


def test_later_port():
    assert table(DAY, PORTS["Emden"])[0] == ("low", "5:35")


def test_over_midnight():
    assert table(DAY, PORTS["Emden"])[3] == ("high", "0:05")


def test_earlier_port():
    assert table(DAY, PORTS["Borkum"])[1] == ("high", "9:00")


def test_a_little_earlier():
    assert table(DAY, PORTS["Norddeich"]) == [
        ("low", "4:05"),
        ("high", "9:55"),
        ("low", "16:30"),
        ("high", "22:35"),
    ]


def test_next_high():
    assert next_high(DAY, PORTS["Emden"], "8:00") == "11:25"
    assert next_high(DAY, PORTS["Norddeich"], "10:00") == "22:35"
    assert next_high(DAY, PORTS["Norddeich"], "23:00") is None
