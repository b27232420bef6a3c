#include "fields.h"

#include <stdlib.h>
#include <string.h>

static void store(struct record *record, const char *start, size_t length)
{
    char *field = record->fields[record->count++];
    if (length >= MAX_FIELD) {
        length = MAX_FIELD - 1;
    }
    memcpy(field, start, length);
    field[length] = '\0';
}

int split(const char *line, struct record *record)
{
    record->count = 0;
    while (*line != '\0') {
        size_t length = strcspn(line, ";");
        if (record->count == MAX_FIELDS) {
            return -1;
        }
        store(record, line, length);
        line += length;
        if (*line == ';') {
            line++;
        }
    }
    return record->count;
}

long sum_fields(const struct record *record)
{
    long sum = 0;
    for (int i = 0; i < record->count; i++) {
        sum += strtol(record->fields[i], NULL, 10);
    }
    return sum;
}
