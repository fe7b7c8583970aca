#include "logic.h"

#include <stdio.h>
#include <string.h>

#include "arguments.h"

const char *read_event(const char *text, size_t len, char *event, size_t room) {
    arguments args = {text, text + len, false};
    argument argument;
    arguments_state state;
    *event = 0;
    while ((state = next_argument(&args, &argument)) == ARGUMENTS_MORE) {
        if (strcmp(argument.name, "event") != 0) return unknown_argument(&argument);
        if (argument.kind == ARGUMENT_NULL) continue;
        if (argument.kind != ARGUMENT_TEXT) return "args: event: a text is needed";
        snprintf(event, room, "%s", argument.text);
    }
    return state == ARGUMENTS_INVALID ? "args: not an object with event, a text" : NULL;
}

void write_line(char *line, size_t room, bool starts, const char *job, const char *identity) {
    snprintf(line, room, "run of %s %s at %s", job, starts ? "starts" : "ends", identity);
}
