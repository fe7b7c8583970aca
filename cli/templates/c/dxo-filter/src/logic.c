#include "logic.h"

#include <string.h>

#include "arguments.h"

const char *read_limit(const char *text, size_t len, double *limit) {
    arguments args = {text, text + len, false};
    argument argument;
    arguments_state state;
    *limit = 0;
    while ((state = next_argument(&args, &argument)) == ARGUMENTS_MORE) {
        if (strcmp(argument.name, "limit") != 0) return unknown_argument(&argument);
        if (argument.kind != ARGUMENT_NUMBER) return "args: limit: a number greater than 0 is needed";
        *limit = argument.number;
    }
    if (state == ARGUMENTS_INVALID) return "args: not an object with limit, a number";
    return *limit > 0 ? NULL : "args: limit: a number greater than 0 is needed";
}

size_t clip(float *values, size_t count, double limit) {
    size_t clipped = 0;
    for (size_t at = 0; at < count; at++) {
        // False for NaN, which thus stays.
        if (values[at] > limit || values[at] < -limit) {
            values[at] = (float)(values[at] > 0 ? limit : -limit);
            clipped++;
        }
    }
    return clipped;
}
