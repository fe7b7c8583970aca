// my-component: what the host calls. What it does with numbers is in logic.c.

#include "host.h"
#include "logic.h"

static double limit;

bool exports_flip_fl_configurable_configure(flip_string_t *args, flip_fl_types_error_t *error) {
    const char *wrong = read_limit((const char *)args->ptr, args->len, &limit);
    flip_string_free(args);
    return wrong ? fail(error, FLIP_FL_TYPES_ERROR_INVALID_ARGUMENT, wrong) : true;
}

void exports_flip_fl_dxo_filter_data_kinds(exports_flip_fl_dxo_filter_list_data_kind_t *kinds) {
    kinds->len = 2;
    kinds->ptr = malloc(2);
    kinds->ptr[0] = FLIP_FL_TYPES_DATA_KIND_WEIGHT_DIFF;
    kinds->ptr[1] = FLIP_FL_TYPES_DATA_KIND_WEIGHTS;
}

// The tensor stays with the host: it is seen in windows.
static bool clip_tensor(flip_fl_tensors_borrow_tensor_t tensor, uint64_t *clipped, flip_fl_types_error_t *error) {
    for (uint64_t start = 0;;) {
        flip_list_u8_t window;
        if (!flip_fl_tensors_method_tensor_read(tensor, start, WINDOW, &window, error)) return false;
        size_t elements = window.len / sizeof(float);
        size_t count = clip((float *)window.ptr, elements, limit);
        bool done = count == 0 || flip_fl_tensors_method_tensor_write(tensor, start, &window, error);
        flip_list_u8_free(&window);
        if (!done || elements == 0) return done;
        *clipped += count;
        start += elements;
    }
}

static bool clip_named(flip_fl_exchange_borrow_dxo_t dxo, flip_string_t *name, uint64_t *clipped,
                       flip_fl_types_error_t *error) {
    flip_fl_tensors_own_tensor_t own;
    if (!flip_fl_exchange_method_dxo_tensor(dxo, name, &own, error)) return false;
    flip_fl_tensors_borrow_tensor_t tensor = flip_fl_tensors_borrow_tensor(own);
    bool done = flip_fl_tensors_method_tensor_dtype(tensor) != FLIP_FL_TYPES_DTYPE_FLOAT32 ||
                clip_tensor(tensor, clipped, error);
    flip_fl_tensors_tensor_drop_own(own);
    return done;
}

bool exports_flip_fl_dxo_filter_process_dxo(flip_fl_exchange_borrow_dxo_t dxo,
                                            flip_fl_context_borrow_fl_context_t ctx,
                                            exports_flip_fl_dxo_filter_verdict_t *verdict,
                                            flip_fl_types_error_t *error) {
    (void)ctx;
    flip_list_string_t names;
    flip_fl_exchange_method_dxo_names(dxo, &names);
    uint64_t clipped = 0;
    bool done = true;
    for (size_t at = 0; done && at < names.len; at++) {
        done = clip_named(dxo, &names.ptr[at], &clipped, error);
    }
    flip_list_string_free(&names);
    if (!done) return false;
    flip_string_t gauge = text("clipped");
    flip_fl_log_gauge(&gauge, (double)clipped);
    verdict->tag = FLIP_FL_TYPES_VERDICT_FILTERED;
    return true;
}
