#ifndef LIFT_H
#define LIFT_H

#define LABEL_SIZE 16

struct lift {
    int floor;
    int target;
};

void label(int floor, char *text);
int seconds(const struct lift *lift);
int arrow(const struct lift *lift);

#endif
