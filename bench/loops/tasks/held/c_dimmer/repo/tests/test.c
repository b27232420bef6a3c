#include <stdio.h>

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


#include "dimmer.h"

static void test_step(void)
{
    struct dimmer lamp = {50, 0};
    step(&lamp, 30);
    CHECK_INT(80, lamp.level);
    step(&lamp, -20);
    CHECK_INT(60, lamp.level);
}

static void test_ends(void)
{
    struct dimmer lamp = {95, 0};
    step(&lamp, 10);
    CHECK_INT(100, lamp.level);
    step(&lamp, -130);
    CHECK_INT(0, lamp.level);
    step(&lamp, 5);
    CHECK_INT(5, lamp.level);
}

static void test_toggle(void)
{
    struct dimmer lamp = {40, 0};
    toggle(&lamp);
    CHECK_INT(0, lamp.level);
    toggle(&lamp);
    CHECK_INT(40, lamp.level);
}

static void test_brightness(void)
{
    struct dimmer lamp = {50, 0};
    CHECK_INT(63, brightness(&lamp));
}

int main(void)
{
    test_step();
    test_ends();
    test_toggle();
    test_brightness();
    printf(failures ? "%d checks failed\n" : "all checks passed\n", failures);
    return failures != 0;
}
