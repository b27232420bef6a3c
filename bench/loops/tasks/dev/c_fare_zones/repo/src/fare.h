#ifndef FARE_H
#define FARE_H

/* Zones of a line are numbered outwards from 1. Fares are cents. */
struct tariff {
    int base;
    int per_zone;
    int cap;
};

int zones_crossed(int from, int to);
int fare(const struct tariff *tariff, int from, int to);
int day_fare(const struct tariff *tariff, const int *stops, int count);

#endif
