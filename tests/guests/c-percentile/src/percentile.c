#include "percentile.h"

#include <math.h>
#include <stdlib.h>

const char *refusal(const settings *settings) {
    if (!(settings->gamma > 0)) return "gamma must be positive";
    if (!(settings->percentile >= 0 && settings->percentile <= 100)) return "percentile must be from 0 to 100";
    if (!(settings->steps > 0 && settings->steps < INFINITY)) return "steps must be positive and finite";
    return NULL;
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double percentile_of(double *magnitudes, size_t count, type type, double percentile) {
    for (size_t at = 0; at < count; at++) {
        if (magnitudes[at] != magnitudes[at]) return NAN;
    }
    qsort(magnitudes, count, sizeof *magnitudes, compare);
    size_t last = count - 1;
    double position = (double)last * (percentile / 100);
    size_t before = position >= (double)last ? last : (size_t)position;
    double below = magnitudes[before], above = magnitudes[before == last ? last : before + 1];
    double fraction = before == last ? position + 1 : position - (double)before;
    double difference = round_to(type, above - below);
    if (fraction >= 0.5) {
        return round_to(type, above - round_to(type, difference * round_to(type, 1 - fraction)));
    }
    return round_to(type, below + round_to(type, difference * round_to(type, fraction)));
}

double truncated(double quotient, double cutoff, double gamma) {
    if (-cutoff < quotient && quotient < cutoff) return 0;
    if (quotient < -gamma) return -gamma;
    return gamma < quotient ? gamma : quotient;
}
