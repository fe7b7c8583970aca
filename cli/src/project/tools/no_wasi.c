// What the C library asks of WASI, where a program uses its streams, clocks or random numbers: there is
// nothing here. A component has what the contract offers.

#include <stdint.h>

// WASI's BADF and NOSYS.
enum { NO_SUCH_FILE = 8, NOT_OFFERED = 52 };

#define NO(name, answer, ...) \
    int32_t __imported_wasi_snapshot_preview1_##name(__VA_ARGS__) { return answer; }

NO(args_get, NOT_OFFERED, int32_t a, int32_t b)
NO(args_sizes_get, NOT_OFFERED, int32_t a, int32_t b)
NO(clock_time_get, NOT_OFFERED, int32_t a, int64_t b, int32_t c)
NO(environ_get, NOT_OFFERED, int32_t a, int32_t b)
NO(environ_sizes_get, NOT_OFFERED, int32_t a, int32_t b)
NO(fd_close, NO_SUCH_FILE, int32_t a)
NO(fd_fdstat_get, NO_SUCH_FILE, int32_t a, int32_t b)
NO(fd_fdstat_set_flags, NO_SUCH_FILE, int32_t a, int32_t b)
NO(fd_prestat_dir_name, NO_SUCH_FILE, int32_t a, int32_t b, int32_t c)
NO(fd_prestat_get, NO_SUCH_FILE, int32_t a, int32_t b)
NO(fd_read, NO_SUCH_FILE, int32_t a, int32_t b, int32_t c, int32_t d)
NO(fd_seek, NO_SUCH_FILE, int32_t a, int64_t b, int32_t c, int32_t d)
NO(fd_write, NO_SUCH_FILE, int32_t a, int32_t b, int32_t c, int32_t d)
NO(random_get, NOT_OFFERED, int32_t a, int32_t b)

_Noreturn void __imported_wasi_snapshot_preview1_proc_exit(int32_t code) { __builtin_trap(); }
