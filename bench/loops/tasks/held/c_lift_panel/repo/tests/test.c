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

#define CHECK_TEXT(expected, actual)                                                        \
    do {                                                                                    \
        if (strcmp((expected), (actual)) != 0) {                                            \
            printf("%s:%d: %s: expected \"%s\", got \"%s\"\n", __FILE__, __LINE__, #actual, \
                   (expected), (actual));                                                   \
            failures++;                                                                     \
        }                                                                                   \
    } while (0)


#include "lift.h"

static void test_label(void)
{
    char text[LABEL_SIZE];
    label(0, text);
    CHECK_TEXT("G", text);
    label(12, text);
    CHECK_TEXT("12", text);
}

static void test_below_ground(void)
{
    char text[LABEL_SIZE];
    label(-2, text);
    CHECK_TEXT("B2", text);
    label(-1, text);
    CHECK_TEXT("B1", text);
}

static void test_seconds(void)
{
    struct lift lift = {4, -1};
    CHECK_INT(17, seconds(&lift));
    lift.target = 4;
    CHECK_INT(0, seconds(&lift));
}

static void test_arrow(void)
{
    struct lift lift = {1, 3};
    CHECK_INT('^', arrow(&lift));
    lift.target = -1;
    CHECK_INT('v', arrow(&lift));
}

int main(void)
{
    test_label();
    test_below_ground();
    test_seconds();
    test_arrow();
    printf(failures ? "%d checks failed\n" : "all checks passed\n", failures);
    return failures != 0;
}
