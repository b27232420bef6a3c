#include "meter.h"

#include <stdio.h>
#include <string.h>

static const char *const RATE_NAMES[RATES] = {"day", "night"};

bool parse_reading(const char *line, struct reading *reading)
{
    char rate[8];
    int end = 0;
    int found = sscanf(line, "%11s %7s %ld%n", reading->serial, rate, &reading->value, &end);
    if (found != 3 || line[end] != '\0' || reading->value < 0) {
        return false;
    }
    for (int i = 0; i < RATES; i++) {
        if (strcmp(rate, RATE_NAMES[i]) == 0) {
            reading->rate = i;
            return true;
        }
    }
    return false;
}

long highest(const struct meter *meter)
{
    long value = 0;
    for (int i = 0; i < meter->digits; i++) {
        value = value * 10 + 9;
    }
    return value;
}

long enter(struct meter *meter, const struct reading *reading)
{
    long last = meter->last[reading->rate];
    long used = reading->value - last;
    if (strcmp(meter->serial, reading->serial) != 0 || reading->value > highest(meter)) {
        return -1;
    }
    if (used < 0) {
        used += highest(meter);
    }
    meter->last[reading->rate] = reading->value;
    return used;
}
