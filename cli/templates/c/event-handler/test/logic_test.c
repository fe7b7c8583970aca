#include <assert.h>
#include <string.h>

#include "logic.h"

int main(void) {
    char line[64];
    write_line(line, sizeof line, true, "job-1", "site-1");
    assert(strcmp(line, "run of job-1 starts at site-1") == 0);
    write_line(line, sizeof line, false, "job-1", "site-1");
    assert(strcmp(line, "run of job-1 ends at site-1") == 0);

    char event[64];
    assert(!read_event("{}", 2, event, sizeof event) && !*event);
    assert(!read_event("{\"event\": \"done\"}", 17, event, sizeof event) && strcmp(event, "done") == 0);
    assert(read_event("{\"event\": 7}", 12, event, sizeof event));
}
