from playlist import Track, fit, interleave, length, repeats

A1 = Track("Ash", "Ada", 200)
A2 = Track("Bay", "Ada", 185)
A3 = Track("Cut", "Ada", 61)
B1 = Track("Dew", "Bo", 240)
B2 = Track("Elm", "Bo", 100)


def test_no_artist_twice_in_a_row():
    assert interleave([A1, A2, B1, A3, B2]) == [A1, B1, A2, B2, A3]


def test_only_one_artist():
    assert interleave([A2, A1]) == [A2, A1]


def test_input_is_left_alone():
    tracks = [A1, A2, B1]
    mixed = interleave(tracks)
    assert repeats(mixed) < repeats(tracks)
    assert tracks == [A1, A2, B1]


def test_takes_a_tuple():
    assert interleave((A1, B1)) == [A1, B1]


def test_length():
    assert length([A1, A2]) == "6:25"


def test_fit():
    assert fit([A1, B1, A3], 450) == [A1, B1]
    assert fit([B1], 100) == []
