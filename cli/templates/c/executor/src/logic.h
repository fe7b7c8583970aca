// What the executor does, without a host: `make test` tests it.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum { ANSWER_METRICS, ANSWER_BAD_TASK_DATA, ANSWER_TASK_UNKNOWN } answer_kind;

typedef struct {
    answer_kind kind;
    char metrics[64];  // as JSON
} answer;

// Answers a task whose data has so many elements, if there is data.
answer answer_task(const char *task, size_t len, bool has_data, uint64_t elements);
