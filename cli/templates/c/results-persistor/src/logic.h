// What the persistor does, without a host: `make test` tests it.
#pragma once

#include <stddef.h>

// Writes the key of a job's archive, which has to be freed.
char *archive_key(const char *job, size_t len);
