from weightcache.cache import WeightCache

__all__ = ["WeightCache"]
