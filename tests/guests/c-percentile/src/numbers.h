// The three types that NumPy computes in here, and the reading and writing of elements.
#pragma once

#include <stddef.h>
#include <stdint.h>

// From narrow to wide.
typedef enum { FLOAT16, FLOAT32, FLOAT64 } type;

// The nearest number of a type, ties to even. For +, -, * and / of float16 and float32 it is the same to
// compute in float64 and to round then.
double round_to(type type, double number);

// The elements' size, and the type that they are computed and returned in; `dtype` is the contract's number.
size_t size_of(uint8_t dtype);
type computed_as(uint8_t dtype);
uint8_t dtype_of(type type);

double read_element(uint8_t dtype, const uint8_t *bytes);
void write_element(type type, uint8_t *bytes, double number);
