// PercentilePrivacy in C: what the host calls.

#include "arguments.h"
#include "host.h"
#include "percentile.h"

#define WINDOW (32 * 1024)

static settings set = {10, 0.01, 1};
static bool off;

// Takes the args; returns what is wrong with them, NULL if nothing is.
static const char *read_args(const char *text, size_t len) {
    arguments args = {text, text + len, false};
    argument argument;
    arguments_state state;
    while ((state = next_argument(&args, &argument)) == ARGUMENTS_MORE) {
        if (argument.kind == ARGUMENT_NUMBER && strcmp(argument.name, "percentile") == 0) {
            set.percentile = argument.number;
        } else if (argument.kind == ARGUMENT_NUMBER && strcmp(argument.name, "gamma") == 0) {
            set.gamma = argument.number;
        } else if (argument.kind == ARGUMENT_BOOL && strcmp(argument.name, "off") == 0) {
            off = argument.truth;
        } else {
            return unknown_argument(&argument);
        }
    }
    return state == ARGUMENTS_INVALID ? "args: not an object of plain values" : NULL;
}

bool exports_flip_fl_configurable_configure(flip_string_t *args, flip_fl_types_error_t *error) {
    const char *wrong = read_args((const char *)args->ptr, args->len);
    flip_string_free(args);
    return wrong ? fail(error, FLIP_FL_TYPES_ERROR_INVALID_ARGUMENT, wrong) : true;
}

void exports_flip_fl_dxo_filter_data_kinds(exports_flip_fl_dxo_filter_list_data_kind_t *kinds) {
    kinds->len = 2;
    kinds->ptr = malloc(2);
    kinds->ptr[0] = FLIP_FL_TYPES_DATA_KIND_WEIGHT_DIFF;
    kinds->ptr[1] = FLIP_FL_TYPES_DATA_KIND_WEIGHTS;
}

// A tensor of the dxo. It is left to the end of the instance, as everything here is: one update is filtered.
static bool open_tensor(flip_fl_exchange_borrow_dxo_t dxo, flip_string_t *name,
                        flip_fl_tensors_borrow_tensor_t *tensor, flip_fl_types_error_t *error) {
    flip_fl_tensors_own_tensor_t own;
    if (!flip_fl_exchange_method_dxo_tensor(dxo, name, &own, error)) return false;
    *tensor = flip_fl_tensors_borrow_tensor(own);
    return true;
}

// Appends the elements of a tensor, per step.
static bool read_quotients(flip_fl_tensors_borrow_tensor_t tensor, double *quotients, flip_fl_types_error_t *error) {
    uint8_t dtype = flip_fl_tensors_method_tensor_dtype(tensor);
    type type = computed_as(dtype);
    double steps = round_to(type, set.steps);
    for (uint64_t start = 0;;) {
        flip_list_u8_t window;
        if (!flip_fl_tensors_method_tensor_read(tensor, start, WINDOW, &window, error)) return false;
        for (size_t at = 0; at < window.len; at += size_of(dtype)) {
            quotients[start++] = round_to(type, read_element(dtype, window.ptr + at) / steps);
        }
        bool end = window.len == 0;
        flip_list_u8_free(&window);
        if (end) return true;
    }
}

// Puts what may be shared in the place of the elements. A single number is neither zeroed nor clipped.
static bool write_shared(flip_fl_exchange_borrow_dxo_t dxo, flip_string_t *name, const double *quotients,
                         double cutoff, flip_fl_types_error_t *error) {
    flip_fl_tensors_borrow_tensor_t tensor;
    if (!open_tensor(dxo, name, &tensor, error)) return false;
    type type = computed_as(flip_fl_tensors_method_tensor_dtype(tensor));
    uint64_t len = flip_fl_tensors_method_tensor_len(tensor);
    flip_list_u64_t shape;
    flip_fl_tensors_method_tensor_shape(tensor, &shape);
    bool scalar = shape.len == 0;
    if (dtype_of(type) != flip_fl_tensors_method_tensor_dtype(tensor)) {
        flip_fl_tensors_own_tensor_t made;
        if (!flip_fl_tensors_static_tensor_create(dtype_of(type), &shape, &made, error)) return false;
        if (!flip_fl_exchange_method_dxo_set_tensor(dxo, name, made, error)) return false;
        if (!open_tensor(dxo, name, &tensor, error)) return false;
    }
    static uint8_t bytes[WINDOW * sizeof(double)];
    double gamma = round_to(type, set.gamma), steps = round_to(type, set.steps);
    size_t size = size_of(dtype_of(type));
    for (uint64_t start = 0; start < len; start += WINDOW) {
        size_t count = len - start < WINDOW ? len - start : WINDOW;
        for (size_t at = 0; at < count; at++) {
            double quotient = quotients[start + at];
            double shared = scalar ? quotient : truncated(quotient, cutoff, gamma);
            write_element(type, bytes + at * size, round_to(type, shared * steps));
        }
        flip_list_u8_t window = {bytes, count * size};
        if (!flip_fl_tensors_method_tensor_write(tensor, start, &window, error)) return false;
    }
    return true;
}

// How many elements all tensors have, and the widest type among them.
static bool survey(flip_fl_exchange_borrow_dxo_t dxo, flip_list_string_t *names, uint64_t *elements, type *widest,
                   flip_fl_types_error_t *error) {
    *elements = 0;
    *widest = FLOAT16;
    for (size_t at = 0; at < names->len; at++) {
        flip_fl_tensors_borrow_tensor_t tensor;
        if (!open_tensor(dxo, &names->ptr[at], &tensor, error)) return false;
        type type = computed_as(flip_fl_tensors_method_tensor_dtype(tensor));
        *widest = type > *widest ? type : *widest;
        *elements += flip_fl_tensors_method_tensor_len(tensor);
    }
    return true;
}

static bool truncate_all(flip_fl_exchange_borrow_dxo_t dxo, flip_list_string_t *names, uint64_t elements,
                         type widest, flip_fl_types_error_t *error) {
    double *quotients = malloc(elements * sizeof *quotients), *magnitudes = malloc(elements * sizeof *magnitudes);
    if (!quotients || !magnitudes) return fail(error, FLIP_FL_TYPES_ERROR_QUOTA_EXCEEDED, "memory");
    uint64_t start = 0;
    flip_fl_tensors_borrow_tensor_t tensor;
    for (size_t at = 0; at < names->len; at++) {
        if (!open_tensor(dxo, &names->ptr[at], &tensor, error)) return false;
        if (!read_quotients(tensor, quotients + start, error)) return false;
        start += flip_fl_tensors_method_tensor_len(tensor);
    }
    for (size_t at = 0; at < elements; at++) magnitudes[at] = __builtin_fabs(quotients[at]);
    double cutoff = percentile_of(magnitudes, elements, widest, set.percentile);
    start = 0;
    for (size_t at = 0; at < names->len; at++) {
        if (!open_tensor(dxo, &names->ptr[at], &tensor, error)) return false;
        uint64_t len = flip_fl_tensors_method_tensor_len(tensor);
        if (!write_shared(dxo, &names->ptr[at], quotients + start, cutoff, error)) return false;
        start += len;
    }
    return true;
}

bool exports_flip_fl_dxo_filter_process_dxo(flip_fl_exchange_borrow_dxo_t dxo,
                                            flip_fl_context_borrow_fl_context_t ctx,
                                            exports_flip_fl_dxo_filter_verdict_t *verdict,
                                            flip_fl_types_error_t *error) {
    (void)ctx;
    flip_string_t key = text("NUM_STEPS_CURRENT_ROUND"), json;
    set.steps = 1;
    if (flip_fl_exchange_method_dxo_meta(dxo, &key, &json)) {
        char number[64] = "";
        memcpy(number, json.ptr, json.len < sizeof number ? json.len : sizeof number - 1);
        set.steps = strtod(number, NULL);
        flip_string_free(&json);
    }
    const char *why = refusal(&set);
    flip_list_string_t names;
    flip_fl_exchange_method_dxo_names(dxo, &names);
    uint64_t elements;
    type widest;
    if (!survey(dxo, &names, &elements, &widest, error)) return false;
    if (off || why || elements == 0) {
        bool refused = !off && why;
        verdict->tag = refused ? FLIP_FL_TYPES_VERDICT_REFUSED
                               : FLIP_FL_TYPES_VERDICT_UNCHANGED;
        flip_string_dup(&verdict->val.refused,
                        off ? "the filter is off" : refused ? why : "there are no elements");
        return true;
    }
    verdict->tag = FLIP_FL_TYPES_VERDICT_FILTERED;
    return truncate_all(dxo, &names, elements, widest, error);
}
