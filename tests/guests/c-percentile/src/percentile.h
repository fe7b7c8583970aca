// Truncation at a percentile, bit for bit as NumPy's.
#pragma once

#include <stddef.h>

#include "numbers.h"

typedef struct {
    double percentile, gamma, steps;
} settings;

// Why these settings make no sense; NULL if they do.
const char *refusal(const settings *settings);

// numpy.percentile with linear interpolation, in this type; sorts the magnitudes, of which there is one.
double percentile_of(double *magnitudes, size_t count, type type, double percentile);

// An element per step, zeroed or clipped. Every comparison is false for NaN, which thus passes.
double truncated(double quotient, double cutoff, double gamma);
