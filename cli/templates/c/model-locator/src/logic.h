// What the locator does, without a host: `make test` tests it.
#pragma once

#include <stdbool.h>
#include <stdint.h>

// The one model.
#define MODEL "best"
// Its file: float32 values, little-endian, and nothing else.
#define MODEL_FILE "best.f32"
// What its tensor is called.
#define TENSOR "weights"

// The number of values in a file of this size; returns whether it is a whole number.
bool values_in(uint64_t size, uint64_t *values);
