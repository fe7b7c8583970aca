#include <assert.h>
#include <string.h>

#include "logic.h"

int main(void) {
    answer counted = answer_task("count", 5, true, 7);
    assert(counted.kind == ANSWER_METRICS && strcmp(counted.metrics, "{\"elements\": 7}") == 0);
    assert(answer_task("count", 5, false, 0).kind == ANSWER_BAD_TASK_DATA);
    assert(answer_task("train", 5, true, 0).kind == ANSWER_TASK_UNKNOWN);
}
