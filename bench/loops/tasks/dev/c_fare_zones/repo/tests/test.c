#include <stdio.h>
#include <string.h>

static int failures;

#define CHECK_INT(expected, actual)                                                   \
    do {                                                                              \
        long want = (expected), got = (actual);                                       \
        if (want != got) {                                                            \
            printf("%s:%d: %s: expected %ld, got %ld\n", __FILE__, __LINE__, #actual, \
                   want, got);                                                        \
            failures++;                                                               \
        }                                                                             \
    } while (0)

#define CHECK_TEXT(expected, actual)                                                      \
    do {                                                                                  \
        const char *want = (expected), *got = (actual);                                   \
        if (strcmp(want, got) != 0) {                                                     \
            printf("%s:%d: %s: expected \"%s\", got \"%s\"\n", __FILE__, __LINE__, #actual, \
                   want, got);                                                            \
            failures++;                                                                   \
        }                                                                                 \
    } while (0)


#include "fare.h"

static const struct tariff CITY = {120, 80, 900};

static void test_zones(void)
{
    CHECK_INT(1, zones_crossed(3, 3));
    CHECK_INT(3, zones_crossed(1, 3));
    CHECK_INT(3, zones_crossed(3, 1));
}

static void test_fare(void)
{
    CHECK_INT(200, fare(&CITY, 2, 2));
    CHECK_INT(440, fare(&CITY, 1, 4));
}

static void test_day(void)
{
    int stops[] = {1, 2, 1};
    int tour[] = {1, 5, 1, 5};
    CHECK_INT(0, day_fare(&CITY, stops, 1));
    CHECK_INT(560, day_fare(&CITY, stops, 3));
    CHECK_INT(900, day_fare(&CITY, tour, 4));
}

int main(void)
{
    test_zones();
    test_fare();
    test_day();
    printf(failures ? "%d checks failed\n" : "all checks passed\n", failures);
    return failures != 0;
}
