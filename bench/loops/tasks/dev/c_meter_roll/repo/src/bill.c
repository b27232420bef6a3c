#include "bill.h"

long cents(const struct tariff *tariff, const long used[RATES])
{
    long above = used[RATE_DAY] - tariff->day_allowance;
    if (above < 0) {
        above = 0;
    }
    long total = (used[RATE_DAY] - above) * tariff->day_price;
    total += above * tariff->day_price_above;
    total += used[RATE_NIGHT] * tariff->night_price;
    return (total + 50) / 100;
}

int read_period(struct meter *meter, const char *const lines[], int count, long used[RATES])
{
    int unused = 0;
    used[RATE_DAY] = used[RATE_NIGHT] = 0;
    for (int i = 0; i < count; i++) {
        struct reading reading;
        long units = parse_reading(lines[i], &reading) ? enter(meter, &reading) : -1;
        if (units < 0) {
            unused++;
            continue;
        }
        used[reading.rate] += units;
    }
    return unused;
}
