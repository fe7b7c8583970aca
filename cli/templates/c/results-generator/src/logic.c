#include "logic.h"

#include <inttypes.h>
#include <stdio.h>

void receive(tally *tally, bool success) {
    tally->tasks++;
    tally->successes += success;
}

bool all_failed(const tally *tally) { return tally->successes == 0; }

size_t write_results(const tally *tally, char *text, size_t room) {
    return (size_t)snprintf(text, room, "{\"tasks\": %" PRIu64 "}", tally->tasks);
}
