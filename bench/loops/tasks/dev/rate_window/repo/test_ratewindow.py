import unittest

from ratewindow import Limits, RateWindow


class RateWindowTest(unittest.TestCase):
    def test_allows_up_to_the_limit(self):
        window = RateWindow(2, 10)
        self.assertEqual([window.allow(t) for t in (0, 1, 2)], [True, True, False])

    def test_refused_calls_do_not_count(self):
        window = RateWindow(1, 10)
        window.allow(0)
        window.allow(9)
        self.assertTrue(window.allow(11))

    def test_call_leaves_the_window_after_one_period(self):
        window = RateWindow(1, 10)
        window.allow(5)
        self.assertFalse(window.allow(14.9))
        self.assertTrue(window.allow(15))

    def test_waiting_the_wait_time_is_enough(self):
        window = RateWindow(2, 60)
        window.allow(0)
        window.allow(30)
        wait = window.wait_time(40)
        self.assertEqual(wait, 20)
        self.assertTrue(window.allow(40 + wait))

    def test_remaining(self):
        window = RateWindow(3, 10)
        window.allow(0)
        self.assertEqual(window.remaining(1), 2)
        self.assertEqual(window.remaining(20), 3)

    def test_bad_limit(self):
        with self.assertRaises(ValueError):
            RateWindow(0, 10)


class LimitsTest(unittest.TestCase):
    def test_clients_are_apart(self):
        limits = Limits(1, 10)
        self.assertTrue(limits.allow("a", 0))
        self.assertTrue(limits.allow("b", 0))
        self.assertFalse(limits.allow("a", 1))

    def test_retry_after(self):
        limits = Limits(1, 10)
        limits.allow("a", 0.5)
        self.assertEqual(limits.retry_after("a", 3), 8)
        self.assertEqual(limits.retry_after("b", 3), 0)
