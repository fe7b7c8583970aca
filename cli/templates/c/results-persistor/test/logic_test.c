#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "logic.h"

int main(void) {
    char *key = archive_key("job-1", 5);
    assert(strcmp(key, "job-1.zip") == 0);
    free(key);
}
