#include "fare.h"

/* How many zones a trip touches, both ends included. */
int zones_crossed(int from, int to)
{
    int distance = from > to ? from - to : to - from;
    return distance;
}

/* The price of one trip. */
int fare(const struct tariff *tariff, int from, int to)
{
    return tariff->base + zones_crossed(from, to) * tariff->per_zone;
}

/* The price of a day: trips from each stop to the next, never more than the cap. */
int day_fare(const struct tariff *tariff, const int *stops, int count)
{
    int total = 0;
    for (int i = 1; i < count; i++) {
        total += fare(tariff, stops[i - 1], stops[i]);
    }
    return total < tariff->cap ? total : tariff->cap;
}
