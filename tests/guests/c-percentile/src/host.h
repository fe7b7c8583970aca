// What makes the bindings handier. `flip-wasm build` writes them: bindings/flip.h.
#pragma once

#include <stdlib.h>
#include <string.h>

#include "flip.h"

// A text that lives on, for a call into the host.
static inline flip_string_t text(const char *literal) {
    flip_string_t text;
    flip_string_set(&text, literal);
    return text;
}

static inline bool equals(const flip_string_t *text, const char *wanted) {
    return text->len == strlen(wanted) && memcmp(text->ptr, wanted, text->len) == 0;
}

// Makes an error of a call from the host, which takes a copy of the text; returns that it failed.
static inline bool fail(flip_fl_types_error_t *error, uint8_t tag, const char *why) {
    error->tag = tag;
    flip_string_dup(&error->val.invalid_argument, why);
    return false;
}
