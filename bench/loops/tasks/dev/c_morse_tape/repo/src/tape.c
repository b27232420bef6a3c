#include "morse.h"

int tape_units(const char *morse)
{
    int units = 0;
    for (; *morse != '\0'; morse++) {
        switch (*morse) {
        case '.':
            units += 2;
            break;
        case '-':
            units += 4;
            break;
        default:
            units += 2;
            break;
        }
    }
    return units;
}
