#ifndef METER_H
#define METER_H

#include <stdbool.h>

enum rate { RATE_DAY, RATE_NIGHT, RATES };

/* A meter has a register per rate, with this many digits in front of the comma. */
struct meter {
    char serial[12];
    int digits;
    long last[RATES];
};

struct reading {
    char serial[12];
    enum rate rate;
    long value;
};

/* Parse "1EM77 night 00412". Returns false where the line is not a reading. */
bool parse_reading(const char *line, struct reading *reading);

/* Return the highest value that the registers of a meter can show. */
long highest(const struct meter *meter);

/*
 * Enter a reading and return the units since the last one, -1 where it does not fit the meter.
 * A value below the last one means that the register rolled over, which it does at most once.
 */
long enter(struct meter *meter, const struct reading *reading);

#endif
