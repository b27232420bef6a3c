#ifndef BILL_H
#define BILL_H

#include "meter.h"

/* Prices in hundredths of a cent; day units above the allowance cost the second price. */
struct tariff {
    long day_price;
    long day_price_above;
    long day_allowance;
    long night_price;
};

/* Return what the units of a period cost, in whole cents, rounded half up. */
long cents(const struct tariff *tariff, const long used[RATES]);

/*
 * Enter all readings (lines of text) of a period, and add up their units per rate in `used`.
 * Returns how many lines were not used.
 */
int read_period(struct meter *meter, const char *const lines[], int count, long used[RATES]);

#endif
