// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if !defined(ESP_PLATFORM)

// thingpass-thing: a thing with a camera that runs on Linux.
#include <stdio.h>

#include "downloader.h"
#include "identity_store.h"
#include "options.h"
#include "provisioner.h"
#include "stop.h"
#include "virtual_thing.h"

enum { STORED = 0, NOT_STORED = 1, USAGE = 2 };

static int complain(const struct thingpass_why *why, int status) {
    struct thingpass_say say = {stderr, THINGPASS_SAY_ERROR};
    thingpass_say(&say, THINGPASS_SAY_ERROR, "%s", why->text);
    return status;
}

// Has the thing be who its store says.
static int use_store(struct thingpass_options *options, struct thingpass_why *why) {
    static struct thingpass_identity_store store;
    int rc = thingpass_identity_store_open(&store, options->store, false, why);
    if (rc == THINGPASS_OK) {
        rc = thingpass_identity_store_load(&store, why);
    }
    options->identity = &store;
    options->name = options->scene.thing = store.identity.thing;
    options->cert_file = store.cert_file;
    options->key_file = store.key_file;
    return rc;
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
        return STORED;
    }
    int stop_fd = thingpass_stop_fd();
    if (stop_fd < 0) {
        (void)thingpass_fail(&why, 0, "prepare for signals: the system refused");
        return complain(&why, NOT_STORED);
    }
    if (options.command == THINGPASS_COMMAND_PROVISION) {
        return thingpass_provisioner_run(&options, stop_fd, &why) ? STORED
                                                                  : complain(&why, NOT_STORED);
    }
    if (options.store != NULL && use_store(&options, &why) != THINGPASS_OK) {
        return complain(&why, NOT_STORED);
    }
    int rc = thingpass_virtual_thing_open(&thing, &options, stop_fd, &why);
    if (rc != THINGPASS_OK) {
        thingpass_virtual_thing_close(&thing);
        return complain(&why, NOT_STORED);
    }
    bool (*run)(struct thingpass_virtual_thing *) =
        options.command == THINGPASS_COMMAND_DOWNLOAD ? thingpass_downloader_run
        : options.spool != NULL                       ? thingpass_spooler_run
                                                      : thingpass_virtual_thing_run;
    bool all_stored = run(&thing);
    thingpass_virtual_thing_close(&thing);
    return all_stored ? STORED : NOT_STORED;
}

#endif
