#include "arguments.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void skip_space(arguments *args) {
    while (args->at < args->end && strchr(" \t\r\n", *args->at)) args->at++;
}

// Takes this character, after space, if it comes next.
static bool take(arguments *args, char wanted) {
    skip_space(args);
    if (args->at == args->end || *args->at != wanted) return false;
    args->at++;
    return true;
}

// Takes this word if it comes next.
static bool take_word(arguments *args, const char *word) {
    size_t len = strlen(word);
    if ((size_t)(args->end - args->at) < len || memcmp(args->at, word, len) != 0) return false;
    args->at += len;
    return true;
}

static bool take_text(arguments *args, char *text, size_t room) {
    if (!take(args, '"')) return false;
    size_t len = 0;
    while (args->at < args->end && *args->at != '"') {
        if (*args->at == '\\' || len + 1 == room) return false;
        text[len++] = *args->at++;
    }
    text[len] = 0;
    return take(args, '"');
}

static bool take_number(arguments *args, double *number) {
    char text[64];
    size_t len = 0;
    while (args->at < args->end && strchr("+-.0123456789eE", *args->at)) {
        if (len + 1 == sizeof text) return false;
        text[len++] = *args->at++;
    }
    text[len] = 0;
    char *end;
    *number = strtod(text, &end);
    return len > 0 && *end == 0;
}

static bool take_value(arguments *args, argument *argument) {
    skip_space(args);
    if (args->at < args->end && *args->at == '"') {
        argument->kind = ARGUMENT_TEXT;
        return take_text(args, argument->text, sizeof argument->text);
    }
    if (take_word(args, "null")) {
        argument->kind = ARGUMENT_NULL;
        return true;
    }
    if (take_word(args, "true") || take_word(args, "false")) {
        argument->kind = ARGUMENT_BOOL;
        argument->truth = args->at[-2] == 'u';
        return true;
    }
    argument->kind = ARGUMENT_NUMBER;
    return take_number(args, &argument->number);
}

arguments_state next_argument(arguments *args, argument *argument) {
    bool first = !args->started;
    if (first && !take(args, '{')) return ARGUMENTS_INVALID;
    args->started = true;
    if (take(args, '}')) {
        skip_space(args);
        return args->at == args->end ? ARGUMENTS_END : ARGUMENTS_INVALID;
    }
    if (!first && !take(args, ',')) return ARGUMENTS_INVALID;
    bool taken = take_text(args, argument->name, sizeof argument->name) && take(args, ':');
    return taken && take_value(args, argument) ? ARGUMENTS_MORE : ARGUMENTS_INVALID;
}

const char *unknown_argument(const argument *argument) {
    static char why[sizeof argument->name + 32];
    snprintf(why, sizeof why, "args: %s is not known", argument->name);
    return why;
}

const char *no_arguments(const char *text, size_t len) {
    arguments args = {text, text + len, false};
    argument argument;
    switch (next_argument(&args, &argument)) {
        case ARGUMENTS_END: return NULL;
        case ARGUMENTS_MORE: return unknown_argument(&argument);
        default: return "args: not an empty object";
    }
}
