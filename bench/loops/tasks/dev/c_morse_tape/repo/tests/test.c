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


#include "morse.h"

static void check_morse(const char *expected, const char *text)
{
    char buffer[80] = "";
    CHECK_INT((long)strlen(expected), to_morse(text, buffer, sizeof buffer));
    CHECK_TEXT(expected, buffer);
}

static void test_letters(void)
{
    CHECK_TEXT(".-", code_of('A'));
    CHECK_TEXT("--..", code_of('z'));
    CHECK_TEXT("-----", code_of('0'));
    CHECK_INT(1, code_of('?') == NULL);
}

static void test_words(void)
{
    check_morse("... --- ...", "SOS");
    check_morse("... --- ... / .- -", "sos at");
    check_morse("", "");
}

static void test_blanks(void)
{
    check_morse("... --- ... / .- -", "SOS   AT");
    check_morse(".- - / .", "AT E  ");
    check_morse(". / -", "  E T");
    check_morse("", "  ");
}

static void test_no_code_or_no_room(void)
{
    char buffer[12];
    CHECK_INT(-1, to_morse("A?", buffer, sizeof buffer));
    CHECK_INT(-1, to_morse("SOSE", buffer, sizeof buffer));
}

static void test_units(void)
{
    CHECK_INT(2, tape_units("."));
    CHECK_INT(6 + 2 + 12 + 2 + 6, tape_units("... --- ..."));
    CHECK_INT(6 + 6 + 4, tape_units(".- / -"));
}

int main(void)
{
    test_letters();
    test_words();
    test_blanks();
    test_no_code_or_no_room();
    test_units();
    printf(failures ? "%d checks failed\n" : "all checks passed\n", failures);
    return failures != 0;
}
