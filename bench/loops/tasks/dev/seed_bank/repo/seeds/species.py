"""What the bank knows about species: months between two germination tests."""

TEST_INTERVAL_MONTHS = {
    "onion": 12,
    "parsnip": 12,
    "lettuce": 24,
    "bean": 36,
    "tomato": 48,
}
DEFAULT_MONTHS = 24
DAYS_PER_MONTH = 30


def interval_days(species):
    """Return the days after which a lot of a species has to be tested again."""
    return TEST_INTERVAL_MONTHS.get(species, DEFAULT_MONTHS) * DAYS_PER_MONTH
