#ifndef DIMMER_H
#define DIMMER_H

#define LEVEL_MAX 100

struct dimmer {
    int level;
    int remembered;
};

void step(struct dimmer *dimmer, int amount);
void toggle(struct dimmer *dimmer);
int brightness(const struct dimmer *dimmer);

#endif
