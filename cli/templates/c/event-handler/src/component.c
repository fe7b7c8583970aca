// my-component: what the host calls. What is said and fired is in logic.c.

#include "host.h"
#include "logic.h"

// What to fire when a run has ended; empty where nothing is.
static char event[256];

bool exports_flip_fl_configurable_configure(flip_string_t *args, flip_fl_types_error_t *error) {
    const char *wrong = read_event((const char *)args->ptr, args->len, event, sizeof event);
    flip_string_free(args);
    return wrong ? fail(error, FLIP_FL_TYPES_ERROR_INVALID_ARGUMENT, wrong) : true;
}

void exports_flip_fl_event_handler_interests(flip_list_string_t *interests) {
    interests->len = 2;
    interests->ptr = malloc(2 * sizeof *interests->ptr);
    flip_string_dup(&interests->ptr[0], START);
    flip_string_dup(&interests->ptr[1], END);
}

// Copies a text from the host, which is cut where there is no room.
static void take(flip_string_t *text, char *copy, size_t room) {
    size_t len = text->len < room ? text->len : room - 1;
    memcpy(copy, text->ptr, len);
    copy[len] = 0;
    flip_string_free(text);
}

bool exports_flip_fl_event_handler_handle_event(flip_string_t *event_type, flip_fl_context_borrow_fl_context_t ctx,
                                                flip_fl_types_error_t *error) {
    bool starts = equals(event_type, START);
    flip_string_free(event_type);
    flip_string_t from_host;
    char job[256], identity[256], line[600];
    flip_fl_context_method_fl_context_job_id(ctx, &from_host);
    take(&from_host, job, sizeof job);
    flip_fl_context_method_fl_context_identity(ctx, &from_host);
    take(&from_host, identity, sizeof identity);
    write_line(line, sizeof line, starts, job, identity);
    flip_string_t message = text(line), fired = text(event);
    flip_fl_log_log(FLIP_FL_LOG_LEVEL_INFO, &message);
    return starts || !*event || flip_fl_events_fire(&fired, error);
}
