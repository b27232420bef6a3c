import unittest

from club import Player, record, standing
from pairing import NoPairing, pair_round, seat


def names(boards):
    return [f"{white.name}-{black.name}" for white, black in boards]


def with_colours(name, colours):
    player = Player(name)
    player.colours = colours
    return player


class SeatTest(unittest.TestCase):
    def check(self, upper, lower, white):
        got, _ = seat(with_colours("upper", upper), with_colours("lower", lower))
        self.assertEqual(got.name, white)

    def test_new_players(self):
        self.check("", "", "upper")

    def test_fewer_whites(self):
        self.check("WW", "WB", "lower")
        self.check("B", "W", "upper")

    def test_same_history(self):
        self.check("WB", "WB", "upper")

    def test_one_came_late(self):
        self.check("WB", "", "upper")

    def test_round_before_decides(self):
        self.check("BW", "WB", "lower")
        self.check("WB", "BW", "upper")

    def test_only_the_round_before_counts(self):
        self.check("WBBW", "WBWB", "lower")


class RoundTest(unittest.TestCase):
    def setUp(self):
        ratings = {"Ada": 1900, "Bo": 1700, "Cy": 1500, "Di": 1300}
        self.ada, self.bo, self.cy, self.di = (Player(*item) for item in ratings.items())
        self.all = [self.di, self.cy, self.bo, self.ada]

    def test_first_round(self):
        boards, bye = pair_round(self.all)
        self.assertEqual(names(boards), ["Ada-Bo", "Cy-Di"])
        self.assertIsNone(bye)

    def test_third_round(self):
        record(self.cy, self.ada, "0-1")
        record(self.bo, self.di, "1-0")
        record(self.ada, self.di, "1-0")
        record(self.cy, self.bo, "0-1")
        boards, _ = pair_round(self.all)
        self.assertEqual(names(boards)[0], "Bo-Ada")

    def test_bye_goes_to_the_lowest_without_one(self):
        self.di.sit_out()
        _, bye = pair_round([self.ada, self.bo, self.di])
        self.assertIs(bye, self.bo)

    def test_nobody_plays_twice(self):
        record(self.ada, self.bo, "=")
        boards, _ = pair_round(self.all)
        self.assertEqual(names(boards), ["Cy-Ada", "Bo-Di"])

    def test_no_pairing_left(self):
        record(self.ada, self.bo, "1-0")
        with self.assertRaises(NoPairing):
            pair_round([self.ada, self.bo])

    def test_standing(self):
        record(self.di, self.ada, "1-0")
        self.assertEqual([p.name for p in standing(self.all)], ["Di", "Ada", "Bo", "Cy"])
