// The args of the job's configuration: one JSON object of texts, numbers, booleans and nulls.
#pragma once

#include <stdbool.h>
#include <stddef.h>

typedef enum { ARGUMENT_TEXT, ARGUMENT_NUMBER, ARGUMENT_BOOL, ARGUMENT_NULL } argument_kind;

typedef struct {
    char name[64];
    argument_kind kind;
    char text[256];  // of a text
    double number;   // of a number
    bool truth;      // of a boolean
} argument;

// Where the reading of the args has come to: starts as their text, and where it ends.
typedef struct {
    const char *at, *end;
    bool started;
} arguments;

typedef enum { ARGUMENTS_MORE, ARGUMENTS_END, ARGUMENTS_INVALID } arguments_state;

// Reads the next argument. Longer names and texts than there is room for, and texts with escapes, are
// invalid, as are lists and objects.
arguments_state next_argument(arguments *args, argument *argument);

// What to say of an argument that the component does not know. The text lasts until the next call.
const char *unknown_argument(const argument *argument);

// What is wrong with the args of a component that takes none; NULL if nothing is.
const char *no_arguments(const char *text, size_t len);
