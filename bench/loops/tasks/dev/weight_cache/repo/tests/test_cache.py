import pytest

from weightcache import WeightCache


def test_get_and_put():
    cache = WeightCache(10)
    assert cache.put("a", "xxx")
    assert cache.get("a") == "xxx"
    assert cache.get("b", "none") == "none"
    assert cache.stats.hit_rate == 0.5


def test_oldest_goes_first():
    cache = WeightCache(6)
    cache.put("a", "xxx")
    cache.put("b", "xxx")
    cache.get("a")
    cache.put("c", "xx")
    assert "b" not in cache
    assert "a" in cache
    assert cache.weight == 5


def test_too_heavy_for_the_cache():
    cache = WeightCache(3)
    assert not cache.put("a", "xxxx")
    assert len(cache) == 0


def test_put_again_replaces_the_weight():
    cache = WeightCache(10)
    cache.put("a", "xxxx")
    cache.put("a", "xx")
    assert cache.weight == 2


def test_put_again_evicts_nothing():
    cache = WeightCache(10)
    cache.put("a", "xxx")
    for _ in range(4):
        cache.put("b", "xxxx")
    assert "a" in cache
    assert cache.stats.evicted == 0


def test_put_again_counts_as_use():
    cache = WeightCache(6)
    cache.put("a", "xxx")
    cache.put("b", "xxx")
    cache.put("a", "xxx")
    cache.put("c", "x")
    assert "a" in cache


def test_drop():
    cache = WeightCache(4)
    cache.put("a", "xx")
    cache.drop("a")
    cache.drop("a")
    assert cache.weight == 0


def test_limit_must_be_positive():
    with pytest.raises(ValueError):
        WeightCache(0)
