// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if !defined(ESP_PLATFORM)

// thingpass-thing: a thing with a camera that runs on Linux.
#include <stdio.h>

#include "download_run.h"
#include "options.h"
#include "stop.h"
#include "virtual_thing.h"

enum { DONE = 0, NOT_DONE = 1, USAGE = 2 };

static int complain(const struct thingpass_why *why, int status) {
    struct thingpass_say say = {stderr, THINGPASS_SAY_ERROR};
    thingpass_say(&say, THINGPASS_SAY_ERROR, "%s", why->text);
    return status;
}

static bool run(struct thingpass_virtual_thing *thing) {
    if (thing->options->command == THINGPASS_COMMAND_DOWNLOAD) {
        return thingpass_download_run(thing);
    }
    return thing->options->spool != NULL ? thingpass_spooler_run(thing)
                                         : thingpass_virtual_thing_run(thing);
}

int main(int argc, char **argv) {
    static struct thingpass_options options;
    static struct thingpass_virtual_thing thing;
    struct thingpass_why why;
    if (thingpass_options_parse(&options, argc, argv, &why) != THINGPASS_OK) {
        return complain(&why, USAGE);
    }
    if (options.help) {
        thingpass_options_help(stdout);
        return DONE;
    }
    int stop_fd = thingpass_stop_fd();
    if (stop_fd < 0) {
        (void)thingpass_fail(&why, 0, "prepare for signals: the system refused");
        return complain(&why, NOT_DONE);
    }
    int rc = thingpass_virtual_thing_open(&thing, &options, stop_fd, &why);
    if (rc != THINGPASS_OK) {
        thingpass_virtual_thing_close(&thing);
        return complain(&why, NOT_DONE);
    }
    bool all_done = run(&thing);
    thingpass_virtual_thing_close(&thing);
    return all_done ? DONE : NOT_DONE;
}

#endif
