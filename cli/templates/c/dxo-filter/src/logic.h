// What the filter does, without a host: `make test` tests it.
#pragma once

#include <stddef.h>

// Elements of a tensor that are looked at together: 256 KiB.
#define WINDOW (64 * 1024)

// Reads the arg `limit`; returns what is wrong with the args, NULL if nothing is.
const char *read_limit(const char *args, size_t len, double *limit);

// Clips values to [-limit, limit]; returns how many were beyond.
size_t clip(float *values, size_t count, double limit);
