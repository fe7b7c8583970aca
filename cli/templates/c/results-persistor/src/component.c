// my-component: what the host calls. What the archive is called is in logic.c.

#include "arguments.h"
#include "host.h"
#include "logic.h"

bool exports_flip_fl_configurable_configure(flip_string_t *args, flip_fl_types_error_t *error) {
    const char *wrong = no_arguments((const char *)args->ptr, args->len);
    flip_string_free(args);
    return wrong ? fail(error, FLIP_FL_TYPES_ERROR_INVALID_ARGUMENT, wrong) : true;
}

// Says on a developer's machine what is not done there.
static bool skipped(flip_fl_context_borrow_fl_context_t ctx, const char *what) {
    if (!flip_fl_context_method_fl_context_local_dev(ctx)) return false;
    flip_string_t line = text(what);
    flip_fl_log_log(FLIP_FL_LOG_LEVEL_INFO, &line);
    return true;
}

static bool upload(flip_fl_context_borrow_fl_context_t ctx, flip_fl_types_error_t *error) {
    if (skipped(ctx, "local development: nothing is uploaded")) return true;
    flip_fl_storage_own_directory_t job;
    if (!flip_fl_storage_open(FLIP_FL_STORAGE_ROOT_JOB, &job, error)) return false;
    flip_string_t id;
    flip_fl_context_method_fl_context_job_id(ctx, &id);
    char *name = archive_key((const char *)id.ptr, id.len);
    flip_string_free(&id);
    flip_string_t key = text(name), everything = text("");
    flip_fl_object_store_object_meta_t stored;
    bool done = flip_fl_object_store_put_archive(&key, flip_fl_storage_borrow_directory(job), &everything, &stored,
                                                 error);
    if (done) flip_fl_object_store_object_meta_free(&stored);
    free(name);
    flip_fl_storage_directory_drop_own(job);
    return done;
}

static bool cleanup(flip_fl_context_borrow_fl_context_t ctx, flip_fl_types_error_t *error) {
    if (skipped(ctx, "local development: nothing is deleted")) return true;
    flip_fl_storage_own_directory_t images;
    if (!flip_fl_storage_open(FLIP_FL_STORAGE_ROOT_IMAGES, &images, error)) return false;
    flip_fl_cleanup_tally_t deleted;
    bool done = flip_fl_cleanup_clear(flip_fl_storage_borrow_directory(images), &deleted, error);
    flip_fl_storage_directory_drop_own(images);
    return done;
}

bool exports_flip_fl_results_persistor_execute(flip_fl_context_borrow_fl_context_t ctx,
                                               flip_fl_types_error_t *error) {
    return upload(ctx, error) && cleanup(ctx, error);
}

bool exports_flip_fl_results_persistor_upload_results_to_s3_bucket(flip_fl_context_borrow_fl_context_t ctx,
                                                                   flip_fl_types_error_t *error) {
    return upload(ctx, error);
}

bool exports_flip_fl_results_persistor_cleanup(flip_fl_context_borrow_fl_context_t ctx,
                                               flip_fl_types_error_t *error) {
    return cleanup(ctx, error);
}
