#include "lift.h"

#include <stdio.h>
#include <stdlib.h>

/* What the panel shows for a floor; 0 is the ground floor. */
void label(int floor, char *text)
{
    if (floor == 0) {
        snprintf(text, LABEL_SIZE, "G");
    } else {
        snprintf(text, LABEL_SIZE, "%d", floor);
    }
}

/* How long the lift takes to its target: three seconds a floor, two for the doors. */
int seconds(const struct lift *lift)
{
    int floors = abs(lift->target - lift->floor);
    return floors == 0 ? 0 : 3 * floors + 2;
}

/* The sign beside the floor. */
int arrow(const struct lift *lift)
{
    if (lift->target == lift->floor) {
        return '-';
    }
    return lift->target > lift->floor ? '^' : 'v';
}
