// What the generator does, without a host: `make test` tests it.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define START "_start_run"
#define RECEIVED "_validation_result_received"
#define END "_end_run"
// The property of the context that holds the result.
#define RESULT "_validation_result_"

// The results so far.
typedef struct {
    uint64_t tasks, successes;
} tally;

// Counts one result.
void receive(tally *tally, bool success);
bool all_failed(const tally *tally);
// Writes the text of the results file; returns its length.
size_t write_results(const tally *tally, char *text, size_t room);
