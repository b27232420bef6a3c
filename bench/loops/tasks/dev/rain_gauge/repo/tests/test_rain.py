from datetime import date, datetime

from rain.alerts import faulty_share, flood_days, is_drought
from rain.readings import Reading, read_log
from rain.report import monthly_report

LOG = """
2024-05-02T18:00 20.5
2024-05-01T06:00 4.5
2024-05-01T18:00 0.0
2024-05-02T06:00 12.0
2024-05-03T06:00 88.0?
2024-05-04T06:00 0.0
""".splitlines()


def readings():
    return list(read_log(LOG))


def test_read_log():
    assert readings()[1] == Reading(datetime(2024, 5, 1, 6), 4.5)
    assert readings()[4].faulty


def test_report():
    assert monthly_report(readings()) == "01 May    4.5 mm\n02 May   32.5 mm\ntotal    37.0 mm"


def test_report_of_an_empty_month():
    assert monthly_report([]) == "total     0.0 mm"


def test_flood_days():
    assert flood_days(readings()) == [date(2024, 5, 2)]
    assert flood_days(readings(), limit=4) == [date(2024, 5, 1), date(2024, 5, 2)]


def test_faulty_share():
    assert faulty_share(readings()) == 1 / 6
    assert faulty_share([]) == 0


def test_drought():
    assert is_drought([4.0] + [0.1] * 14)
    assert not is_drought([0.0] * 13)
