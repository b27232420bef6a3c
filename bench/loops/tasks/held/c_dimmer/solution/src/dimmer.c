#include "dimmer.h"

/* Turn the light up, or down where the amount is negative. */
void step(struct dimmer *dimmer, int amount)
{
    int level = dimmer->level + amount;
    if (level > LEVEL_MAX) {
        level = LEVEL_MAX;
    } else if (level < 0) {
        level = 0;
    }
    dimmer->level = level;
}

/* Switch off, or back on at the level it had before. */
void toggle(struct dimmer *dimmer)
{
    if (dimmer->level > 0) {
        dimmer->remembered = dimmer->level;
        dimmer->level = 0;
    } else {
        dimmer->level = dimmer->remembered > 0 ? dimmer->remembered : LEVEL_MAX;
    }
}

/* Eyes are not linear: the power of the lamp, from 0 to 255. */
int brightness(const struct dimmer *dimmer)
{
    return dimmer->level * dimmer->level * 255 / (LEVEL_MAX * LEVEL_MAX);
}
