#include "logic.h"

#include <stdio.h>
#include <stdlib.h>

char *archive_key(const char *job, size_t len) {
    size_t room = len + sizeof ".zip";
    char *key = malloc(room);
    if (key) snprintf(key, room, "%.*s.zip", (int)len, job);
    return key;
}
