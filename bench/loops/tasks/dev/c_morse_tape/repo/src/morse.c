#include "morse.h"

#include <ctype.h>
#include <string.h>

static const char *const LETTERS[] = {
    ".-",   "-...", "-.-.", "-..",  ".",   "..-.", "--.",  "....", "..",
    ".---", "-.-",  ".-..", "--",   "-.",  "---",  ".--.", "--.-", ".-.",
    "...",  "-",    "..-",  "...-", ".--", "-..-", "-.--", "--..",
};

static const char *const DIGITS[] = {
    "-----", ".----", "..---", "...--", "....-", ".....", "-....", "--...", "---..", "----.",
};

const char *code_of(char letter)
{
    int upper = toupper((unsigned char)letter);
    if (upper >= 'A' && upper <= 'Z') {
        return LETTERS[upper - 'A'];
    }
    if (upper >= '0' && upper <= '9') {
        return DIGITS[upper - '0'];
    }
    return NULL;
}

/* Put a sign and a blank at the end; 0 where there is no room. */
static int append(char *buffer, size_t size, size_t *length, const char *sign)
{
    size_t more = strlen(sign);
    if (*length + more + 2 > size) {
        return 0;
    }
    memcpy(buffer + *length, sign, more);
    *length += more;
    buffer[(*length)++] = ' ';
    return 1;
}

int to_morse(const char *text, char *buffer, size_t size)
{
    size_t length = 0;
    for (; *text != '\0'; text++) {
        const char *sign = *text == ' ' ? "/" : code_of(*text);
        if (sign == NULL || !append(buffer, size, &length, sign)) {
            return -1;
        }
    }
    if (length > 0) {
        length--;
    }
    buffer[length] = '\0';
    return (int)length;
}
