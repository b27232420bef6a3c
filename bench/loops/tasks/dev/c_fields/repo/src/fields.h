#ifndef FIELDS_H
#define FIELDS_H

#define MAX_FIELDS 8
#define MAX_FIELD 32

struct record {
    int count;
    char fields[MAX_FIELDS][MAX_FIELD];
};

/* Split a line at semicolons. Returns the number of fields, -1 where there are too many. */
int split(const char *line, struct record *record);

/* Return the sum of all numeric fields. */
long sum_fields(const struct record *record);

#endif
