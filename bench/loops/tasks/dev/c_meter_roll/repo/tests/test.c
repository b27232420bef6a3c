#include "bill.h"

#include <stdio.h>

static int failures;

static void check(const char *what, long expected, long got)
{
    if (expected != got) {
        printf("%s: expected %ld, got %ld\n", what, expected, got);
        failures++;
    }
}

static const struct tariff TARIFF = {
    .day_price = 3150, .day_price_above = 3600, .day_allowance = 100, .night_price = 2225};

static void test_readings(void)
{
    struct reading reading;
    check("a reading", true, parse_reading("1EM77 night 00412", &reading));
    check("its rate", RATE_NIGHT, reading.rate);
    check("its value", 412, reading.value);
    check("no value", false, parse_reading("1EM77 night", &reading));
    check("unknown rate", false, parse_reading("1EM77 noon 12", &reading));
    check("rest of the line", false, parse_reading("1EM77 day 12 kWh", &reading));
}

static void test_units(void)
{
    struct meter meter = {.serial = "1EM77", .digits = 5, .last = {100, 7}};
    check("highest", 99999, highest(&meter));
    check("day", 50, enter(&meter, &(struct reading){"1EM77", RATE_DAY, 150}));
    check("nothing used", 0, enter(&meter, &(struct reading){"1EM77", RATE_DAY, 150}));
    check("night", 3, enter(&meter, &(struct reading){"1EM77", RATE_NIGHT, 10}));
    check("another meter", -1, enter(&meter, &(struct reading){"1EM78", RATE_DAY, 200}));
    check("too many digits", -1, enter(&meter, &(struct reading){"1EM77", RATE_DAY, 100000}));
    check("still there", 150, meter.last[RATE_DAY]);
}

static void test_rollover(void)
{
    struct meter meter = {.serial = "1EM77", .digits = 5, .last = {99998, 99999}};
    check("over zero", 5, enter(&meter, &(struct reading){"1EM77", RATE_DAY, 3}));
    check("afterwards", 4, enter(&meter, &(struct reading){"1EM77", RATE_DAY, 7}));
    check("to zero", 1, enter(&meter, &(struct reading){"1EM77", RATE_NIGHT, 0}));
}

static void test_bill(void)
{
    const char *const lines[] = {"1EM77 day 60", "1EM77 night 30", "", "1EM77 day 120"};
    struct meter meter = {.serial = "1EM77", .digits = 4};
    long used[RATES];
    check("unused lines", 1, read_period(&meter, lines, 4, used));
    check("day units", 120, used[RATE_DAY]);
    check("cents", 4538, cents(&TARIFF, used));
}

static void test_bill_with_rollover(void)
{
    const char *const lines[] = {"2EM01 day 9990", "2EM01 day 0010"};
    struct meter meter = {.serial = "2EM01", .digits = 4, .last = {9980, 0}};
    long used[RATES];
    check("unused lines", 0, read_period(&meter, lines, 2, used));
    check("cents over zero", 945, cents(&TARIFF, used));
}

int main(void)
{
    test_readings();
    test_units();
    test_rollover();
    test_bill();
    test_bill_with_rollover();
    printf(failures ? "%d checks failed\n" : "all checks passed\n", failures);
    return failures != 0;
}
