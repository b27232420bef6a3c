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


#include "fields.h"

static void test_plain(void)
{
    struct record record;
    CHECK_INT(3, split("red;12;x", &record));
    CHECK_TEXT("red", record.fields[0]);
    CHECK_TEXT("x", record.fields[2]);
}

static void test_empty_fields(void)
{
    struct record record;
    CHECK_INT(3, split(";b;c", &record));
    CHECK_TEXT("", record.fields[0]);
    CHECK_INT(3, split("a;b;", &record));
    CHECK_TEXT("", record.fields[2]);
    CHECK_INT(2, split(";", &record));
}

static void test_limits(void)
{
    struct record record;
    CHECK_INT(0, split("", &record));
    CHECK_INT(8, split("1;2;3;4;5;6;7;8", &record));
    CHECK_INT(36, sum_fields(&record));
    CHECK_INT(-1, split("1;2;3;4;5;6;7;8;9", &record));
}

int main(void)
{
    test_plain();
    test_empty_fields();
    test_limits();
    printf(failures ? "%d checks failed\n" : "all checks passed\n", failures);
    return failures != 0;
}
