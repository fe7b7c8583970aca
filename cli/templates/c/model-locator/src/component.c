// my-component: what the host calls. What a file holds is in logic.c.

#include "arguments.h"
#include "host.h"
#include "logic.h"

bool exports_flip_fl_configurable_configure(flip_string_t *args, flip_fl_types_error_t *error) {
    const char *wrong = no_arguments((const char *)args->ptr, args->len);
    flip_string_free(args);
    return wrong ? fail(error, FLIP_FL_TYPES_ERROR_INVALID_ARGUMENT, wrong) : true;
}

bool exports_flip_fl_model_locator_model_names(flip_fl_context_borrow_fl_context_t ctx, flip_list_string_t *names,
                                               flip_fl_types_error_t *error) {
    (void)ctx, (void)error;
    names->len = 1;
    names->ptr = malloc(sizeof *names->ptr);
    flip_string_dup(names->ptr, MODEL);
    return true;
}

// Makes a dxo of the file's values. Nothing is copied: the host reads the file when the tensor is read.
static bool make_model(flip_fl_storage_borrow_directory_t job, uint64_t values, flip_fl_exchange_own_dxo_t *dxo,
                       flip_fl_types_error_t *error) {
    flip_string_t file = text(MODEL_FILE), name = text(TENSOR);
    flip_list_u64_t shape = {&values, 1};
    flip_fl_tensors_own_tensor_t tensor;
    return flip_fl_storage_method_directory_tensor(job, &file, 0, FLIP_FL_TYPES_DTYPE_FLOAT32, &shape, &tensor,
                                                   error) &&
           flip_fl_exchange_static_dxo_create(FLIP_FL_TYPES_DATA_KIND_WEIGHTS, dxo, error) &&
           flip_fl_exchange_method_dxo_set_tensor(flip_fl_exchange_borrow_dxo(*dxo), &name, tensor, error);
}

// The model, or none where its file is missing or unreadable.
static bool locate(flip_fl_storage_borrow_directory_t job, exports_flip_fl_model_locator_option_own_dxo_t *model,
                   flip_fl_types_error_t *error) {
    flip_string_t file = text(MODEL_FILE);
    flip_fl_storage_entry_t entry;
    if (!flip_fl_storage_method_directory_stat(job, &file, &entry, error)) {
        if (error->tag != FLIP_FL_TYPES_ERROR_NOT_FOUND) return false;
        flip_fl_types_error_free(error);
        return true;
    }
    flip_string_free(&entry.name);
    uint64_t values;
    if (!values_in(entry.size, &values)) {
        flip_string_t why = text(MODEL_FILE ": no whole number of float32 values");
        flip_fl_log_log(FLIP_FL_LOG_LEVEL_ERROR, &why);
        return true;
    }
    model->is_some = true;
    return make_model(job, values, &model->val, error);
}

bool exports_flip_fl_model_locator_locate_model(flip_string_t *maybe_name, flip_fl_context_borrow_fl_context_t ctx,
                                                exports_flip_fl_model_locator_option_own_dxo_t *model,
                                                flip_fl_types_error_t *error) {
    (void)ctx;
    bool known = maybe_name && equals(maybe_name, MODEL);
    if (maybe_name) flip_string_free(maybe_name);
    model->is_some = false;
    if (!known) return true;
    flip_fl_storage_own_directory_t job;
    if (!flip_fl_storage_open(FLIP_FL_STORAGE_ROOT_JOB, &job, error)) return false;
    bool done = locate(flip_fl_storage_borrow_directory(job), model, error);
    flip_fl_storage_directory_drop_own(job);
    return done;
}
