// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if !defined(ESP_PLATFORM)

#include "option_rules.h"

#include "thingpass/credentials.h"

#include <stddef.h>
#include <string.h>

bool thingpass_option_is_given(const struct thingpass_options_given *given, const char *name) {
    for (size_t i = 0; thingpass_option_table[i].name != NULL; i++) {
        if (strcmp(thingpass_option_table[i].name, name) == 0) {
            return given->entry[i];
        }
    }
    return false;
}

static int missing(const struct thingpass_options *o, struct thingpass_why *why) {
    bool claim = o->command == THINGPASS_COMMAND_PROVISION;
    bool stored = o->store != NULL && !claim; // name, certificate and key are there
    const struct {
        bool needless;
        const char *value, *option, *example;
    } needed[] = {
        {stored || claim, o->name, "--name THING", "the name in its certificate"},
        {false, o->host[0] != '\0' ? o->host : NULL, "--server HOST:PORT", "the MQTT server"},
        {false, o->ca_file, "--ca FILE", "the CA that signed the server's certificate"},
        {stored || claim, o->cert_file, "--cert FILE", "the thing's certificate"},
        {stored || claim, o->key_file, "--key FILE", "the thing's key"},
        {!claim, o->cert_file, "--claim-cert FILE", "the claim's certificate"},
        {!claim, o->key_file, "--claim-key FILE", "the claim's key"},
        {!claim, o->template_name, "--template NAME", "the provisioning template"},
        {!claim, o->store, "--store DIR", "the folder that the identity goes to"},
    };
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
        if (!needed[i].needless && needed[i].value == NULL) {
            return thingpass_fail(why, THINGPASS_EINVAL, "%s is missing: %s", needed[i].option,
                                  needed[i].example);
        }
    }
    return THINGPASS_OK;
}

static int contradiction(const struct thingpass_options *o,
                         const struct thingpass_options_given *given, struct thingpass_why *why) {
    const struct {
        bool wrong;
        const char *sentence;
    } rules[] = {
        {o->folder != NULL && thingpass_option_is_given(given, "scene"),
         "--camera and --scene: there is one camera; leave one out"},
        {o->folder != NULL && thingpass_option_is_given(given, "seed"),
         "--seed goes with --scene, not with --camera"},
        {o->folder != NULL && thingpass_option_is_given(given, "noise"),
         "--noise goes with --scene, not with --camera"},
        {o->command == THINGPASS_COMMAND_CAMERA && o->folder == NULL && o->loop,
         "--loop goes with --camera; a scene never ends"},
        {o->mode == &thingpass_mode_pass && o->metadata_count == THINGPASS_METADATA_MAX,
         "--mode pass takes at most 15 --metadata: captured-at is the sixteenth"},
        {o->mode == &thingpass_mode_multipart && !o->sha256,
         "--sha256 off is a one-pass camera; --mode multipart reads each photo twice"},
        {o->link.cut_after > 0 && o->link.cut_within > 0,
         "--cut-after and --cut-random: leave one out"},
        {o->command == THINGPASS_COMMAND_UPLOAD && o->file_count == 0,
         "upload FILE…: the files are missing"},
        {o->command == THINGPASS_COMMAND_DOWNLOAD && o->to == NULL,
         "download [NAME] --to FILE: the file is missing"},
        {o->command == THINGPASS_COMMAND_DOWNLOAD && o->file_count > 1,
         "download fetches one file; there are more names"},
        {o->command == THINGPASS_COMMAND_DOWNLOAD && o->file_count > 0 && o->object_key != NULL,
         "NAME is of a shared object, --object-key of the thing's own: leave one out"},
        {o->command == THINGPASS_COMMAND_DRAIN && o->spool == NULL,
         "drain --spool DIR: the spool is missing"},
        {o->offline_count > 0 && o->spool == NULL,
         "--offline goes with --spool; without one every photo would be lost"},
        {o->offline_every > 0 && o->offline_every <= o->offline_count,
         "--offline-every goes with --offline, whose COUNT is less"},
        {o->offline_every > 0 && o->offline_count == 0,
         "--offline-every goes with --offline FIRST,COUNT"},
        {o->folder != NULL && thingpass_option_is_given(given, "moving"),
         "--moving goes with --scene, not with --camera"},
        {!o->motion && (o->heartbeat_s > 0 || o->cooldown_ms > 0),
         "--heartbeat and --cooldown go with --motion"},
        {o->spool_first && o->spool == NULL, "--spool-first goes with --spool"},
        {o->captured_every_s > 0 && o->count == 0,
         "--captured-every goes with --count: the last photo is of now"},
        {thingpass_option_is_given(given, "credentials") && o->mode != &thingpass_mode_credentials,
         "--credentials goes with --mode credentials"},
        {o->id != NULL && o->file_count > 1, "--id is for one file; there are more"},
        {o->store != NULL && o->command != THINGPASS_COMMAND_PROVISION &&
             (o->name != NULL || o->cert_file != NULL || o->key_file != NULL),
         "--store says who the thing is: leave --name, --cert and --key out"},
        {o->quiet && o->verbose, "--quiet and --verbose: leave one out"},
    };
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        if (rules[i].wrong) {
            return thingpass_fail(why, THINGPASS_EINVAL, "%s", rules[i].sentence);
        }
    }
    return THINGPASS_OK;
}

int thingpass_option_rules(const struct thingpass_options *o,
                           const struct thingpass_options_given *given, struct thingpass_why *why) {
    if (o->command != THINGPASS_COMMAND_UPLOAD && o->command != THINGPASS_COMMAND_DOWNLOAD &&
        o->file_count > 0) {
        return thingpass_fail(why, THINGPASS_EINVAL, "\"%s\" is not an option; --help lists all",
                              o->files[0]);
    }
    int rc = missing(o, why);
    return rc != THINGPASS_OK ? rc : contradiction(o, given, why);
}

#endif
