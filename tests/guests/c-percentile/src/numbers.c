#include "numbers.h"

#include <math.h>
#include <string.h>

#include "flip.h"

// The exponent of a positive number that is not subnormal.
static int exponent(double number) {
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    return (int)(bits >> 52 & 0x7ff) - 1023;
}

static double power_of_two(int exponent) {
    uint64_t bits = (uint64_t)(exponent + 1023) << 52;
    double number;
    memcpy(&number, &bits, sizeof number);
    return number;
}

static double to_float16(double number) {
    double magnitude = __builtin_fabs(number);
    if (!(magnitude > 0 && magnitude < INFINITY)) return number;
    if (magnitude >= 65520) return __builtin_copysign(INFINITY, number);
    int power = exponent(magnitude);
    double unit = power_of_two((power < -14 ? -14 : power) - 10);
    // Rounds to a whole number, ties to even.
    return __builtin_copysign(__builtin_rint(magnitude / unit) * unit, number);
}

double round_to(type type, double number) {
    switch (type) {
        case FLOAT16: return to_float16(number);
        case FLOAT32: return (float)number;
        default: return number;
    }
}

static double float16(uint16_t bits) {
    int biased = bits >> 10 & 0x1f, fraction = bits & 0x3ff;
    double magnitude = biased == 0x1f ? (fraction ? NAN : INFINITY)
                       : biased       ? power_of_two(biased - 25) * (fraction + 1024)
                                      : power_of_two(-24) * fraction;
    return bits & 0x8000 ? -magnitude : magnitude;
}

static uint16_t float16_bits(double number) {
    uint16_t sign = __builtin_signbit(number) ? 0x8000 : 0;
    double magnitude = __builtin_fabs(number);
    if (number != number) return 0x7e00;
    if (magnitude == INFINITY) return sign | 0x7c00;
    if (magnitude < power_of_two(-14)) return sign | (uint16_t)(magnitude * power_of_two(24));
    int power = exponent(magnitude);
    return sign | (uint16_t)((power + 15) << 10 | (int)(magnitude * power_of_two(10 - power) - 1024));
}

size_t size_of(uint8_t dtype) {
    switch (dtype) {
        case FLIP_FL_TYPES_DTYPE_BOOL:
        case FLIP_FL_TYPES_DTYPE_INT8:
        case FLIP_FL_TYPES_DTYPE_UINT8: return 1;
        case FLIP_FL_TYPES_DTYPE_INT16:
        case FLIP_FL_TYPES_DTYPE_UINT16:
        case FLIP_FL_TYPES_DTYPE_FLOAT16: return 2;
        case FLIP_FL_TYPES_DTYPE_INT32:
        case FLIP_FL_TYPES_DTYPE_UINT32:
        case FLIP_FL_TYPES_DTYPE_FLOAT32: return 4;
        default: return 8;
    }
}

type computed_as(uint8_t dtype) {
    switch (dtype) {
        case FLIP_FL_TYPES_DTYPE_FLOAT16: return FLOAT16;
        case FLIP_FL_TYPES_DTYPE_FLOAT32: return FLOAT32;
        default: return FLOAT64;
    }
}

uint8_t dtype_of(type type) {
    static const uint8_t dtypes[] = {FLIP_FL_TYPES_DTYPE_FLOAT16, FLIP_FL_TYPES_DTYPE_FLOAT32,
                                     FLIP_FL_TYPES_DTYPE_FLOAT64};
    return dtypes[type];
}

#define READ(c_type)                          \
    do {                                      \
        c_type element;                       \
        memcpy(&element, bytes, sizeof element); \
        return (double)element;               \
    } while (0)

double read_element(uint8_t dtype, const uint8_t *bytes) {
    uint16_t bits;
    switch (dtype) {
        case FLIP_FL_TYPES_DTYPE_BOOL:
        case FLIP_FL_TYPES_DTYPE_UINT8: READ(uint8_t);
        case FLIP_FL_TYPES_DTYPE_INT8: READ(int8_t);
        case FLIP_FL_TYPES_DTYPE_INT16: READ(int16_t);
        case FLIP_FL_TYPES_DTYPE_UINT16: READ(uint16_t);
        case FLIP_FL_TYPES_DTYPE_INT32: READ(int32_t);
        case FLIP_FL_TYPES_DTYPE_UINT32: READ(uint32_t);
        case FLIP_FL_TYPES_DTYPE_INT64: READ(int64_t);
        case FLIP_FL_TYPES_DTYPE_UINT64: READ(uint64_t);
        case FLIP_FL_TYPES_DTYPE_FLOAT32: READ(float);
        case FLIP_FL_TYPES_DTYPE_FLOAT16: memcpy(&bits, bytes, sizeof bits); return float16(bits);
        default: READ(double);
    }
}

void write_element(type type, uint8_t *bytes, double number) {
    float narrow = (float)number;
    uint16_t bits = type == FLOAT16 ? float16_bits(number) : 0;
    switch (type) {
        case FLOAT16: memcpy(bytes, &bits, sizeof bits); break;
        case FLOAT32: memcpy(bytes, &narrow, sizeof narrow); break;
        default: memcpy(bytes, &number, sizeof number);
    }
}
