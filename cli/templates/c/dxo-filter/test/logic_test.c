#include <assert.h>
#include <string.h>

#include "logic.h"

static const char *limit_of(const char *args, double *limit) {
    return read_limit(args, strlen(args), limit);
}

int main(void) {
    float values[] = {0.5, -3, 2, 1};
    assert(clip(values, 4, 1) == 2);
    assert(values[0] == 0.5 && values[1] == -1 && values[2] == 1 && values[3] == 1);

    double limit;
    assert(!limit_of("{\"limit\": 2}", &limit) && limit == 2);
    const char *invalid[] = {"[]", "{}", "{\"limit\": \"high\"}", "{\"limit\": 0}", "{\"limit\": 1, \"limits\": 1}"};
    for (size_t at = 0; at < sizeof invalid / sizeof *invalid; at++) assert(limit_of(invalid[at], &limit));
}
