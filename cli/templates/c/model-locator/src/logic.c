#include "logic.h"

bool values_in(uint64_t size, uint64_t *values) {
    *values = size / sizeof(float);
    return size % sizeof(float) == 0;
}
