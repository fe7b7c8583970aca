// my-component: what the host calls. How results are counted is in logic.c.

#include "arguments.h"
#include "host.h"
#include "logic.h"

static tally results;

bool exports_flip_fl_configurable_configure(flip_string_t *args, flip_fl_types_error_t *error) {
    const char *wrong = no_arguments((const char *)args->ptr, args->len);
    flip_string_free(args);
    return wrong ? fail(error, FLIP_FL_TYPES_ERROR_INVALID_ARGUMENT, wrong) : true;
}

// Counts the result that the context holds.
static bool receive_result(flip_fl_context_borrow_fl_context_t ctx, flip_fl_types_error_t *error) {
    flip_string_t key = text(RESULT);
    flip_fl_context_option_own_shareable_t result;
    if (!flip_fl_context_method_fl_context_shareable(ctx, &key, &result, error)) return false;
    bool success = false;
    if (result.is_some) {
        flip_fl_exchange_borrow_shareable_t shareable = flip_fl_exchange_borrow_shareable(result.val);
        success = flip_fl_exchange_method_shareable_return_code(shareable) == FLIP_FL_TYPES_RETURN_CODE_OK;
        flip_fl_exchange_shareable_drop_own(result.val);
    }
    receive(&results, success);
    return true;
}

// Replaces the results file, in one step.
static bool write_file(flip_fl_types_error_t *error) {
    char json[64];
    flip_list_u8_t contents = {(uint8_t *)json, write_results(&results, json, sizeof json)};
    flip_string_t path = text("results.json");
    flip_fl_storage_own_directory_t job;
    if (!flip_fl_storage_open(FLIP_FL_STORAGE_ROOT_JOB, &job, error)) return false;
    flip_fl_storage_own_staged_file_t file;
    bool done = flip_fl_storage_method_directory_create(flip_fl_storage_borrow_directory(job), &path, &file, error);
    if (done) {
        flip_fl_storage_borrow_staged_file_t staged = flip_fl_storage_borrow_staged_file(file);
        done = flip_fl_storage_method_staged_file_append(staged, &contents, error) &&
               flip_fl_storage_method_staged_file_commit(staged, error);
        flip_fl_storage_staged_file_drop_own(file);
    }
    flip_fl_storage_directory_drop_own(job);
    return done;
}

bool exports_flip_fl_results_generator_handle_evaluation_event(flip_string_t *event_type,
                                                               flip_fl_context_borrow_fl_context_t ctx,
                                                               flip_fl_types_error_t *error) {
    bool done = true;
    if (equals(event_type, START)) {
        results = (tally){0, 0};
    } else if (equals(event_type, RECEIVED)) {
        done = receive_result(ctx, error);
    } else if (equals(event_type, END)) {
        done = write_file(error);
    }
    flip_string_free(event_type);
    return done;
}

bool exports_flip_fl_results_generator_all_tasks_failed(void) { return all_failed(&results); }
