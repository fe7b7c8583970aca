// my-component: what the host calls. How tasks are answered is in logic.c.

#include "arguments.h"
#include "host.h"
#include "logic.h"

bool exports_flip_fl_configurable_configure(flip_string_t *args, flip_fl_types_error_t *error) {
    const char *wrong = no_arguments((const char *)args->ptr, args->len);
    flip_string_free(args);
    return wrong ? fail(error, FLIP_FL_TYPES_ERROR_INVALID_ARGUMENT, wrong) : true;
}

// The number of elements of all tensors.
static bool count(flip_fl_exchange_borrow_dxo_t dxo, uint64_t *elements, flip_fl_types_error_t *error) {
    flip_list_string_t names;
    flip_fl_exchange_method_dxo_names(dxo, &names);
    bool done = true;
    *elements = 0;
    for (size_t at = 0; done && at < names.len; at++) {
        flip_fl_tensors_own_tensor_t tensor;
        done = flip_fl_exchange_method_dxo_tensor(dxo, &names.ptr[at], &tensor, error);
        if (!done) break;
        *elements += flip_fl_tensors_method_tensor_len(flip_fl_tensors_borrow_tensor(tensor));
        flip_fl_tensors_tensor_drop_own(tensor);
    }
    flip_list_string_free(&names);
    return done;
}

// A dxo with these metrics.
static bool metrics(const char *values, flip_fl_exchange_own_dxo_t *dxo, flip_fl_types_error_t *error) {
    if (!flip_fl_exchange_static_dxo_create(FLIP_FL_TYPES_DATA_KIND_METRICS, dxo, error)) return false;
    flip_string_t json = text(values);
    return flip_fl_exchange_method_dxo_set_values(flip_fl_exchange_borrow_dxo(*dxo), &json, error);
}

bool exports_flip_fl_executor_execute(flip_string_t *task, flip_fl_exchange_borrow_shareable_t data,
                                      flip_fl_context_borrow_fl_context_t ctx, flip_fl_exchange_reply_t *reply,
                                      flip_fl_types_error_t *error) {
    (void)ctx;
    flip_fl_exchange_option_own_dxo_t dxo;
    if (!flip_fl_exchange_method_shareable_dxo(data, &dxo, error)) return false;
    uint64_t elements = 0;
    if (dxo.is_some) {
        bool counted = count(flip_fl_exchange_borrow_dxo(dxo.val), &elements, error);
        flip_fl_exchange_dxo_drop_own(dxo.val);
        if (!counted) return false;
    }
    answer answer = answer_task((const char *)task->ptr, task->len, dxo.is_some, elements);
    flip_string_free(task);
    reply->headers.len = 0;
    reply->dxo.is_some = answer.kind == ANSWER_METRICS;
    switch (answer.kind) {
        case ANSWER_METRICS:
            reply->code = FLIP_FL_TYPES_RETURN_CODE_OK;
            return metrics(answer.metrics, &reply->dxo.val, error);
        case ANSWER_BAD_TASK_DATA: reply->code = FLIP_FL_TYPES_RETURN_CODE_BAD_TASK_DATA; return true;
        default: reply->code = FLIP_FL_TYPES_RETURN_CODE_TASK_UNKNOWN; return true;
    }
}
