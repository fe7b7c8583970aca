// What the handler does, without a host: `make test` tests it.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define START "_start_run"
#define END "_end_run"

// The arg `event`: what to fire when a run has ended; empty where it is not given. Returns what is wrong with
// the args, NULL if nothing is.
const char *read_event(const char *args, size_t len, char *event, size_t room);

// The line of the log for an event.
void write_line(char *line, size_t room, bool starts, const char *job, const char *identity);
