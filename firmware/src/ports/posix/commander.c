// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if !defined(ESP_PLATFORM)

#include "commander.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "virtual_thing_loop.h"

enum { ANSWER_PATIENCE_MS = 10000, LOST_MOST = 2 };

void thingpass_commander_open(struct thingpass_virtual_thing *t) {
    struct thingpass_commander *c = &t->commander;
    c->on = t->options->command == THINGPASS_COMMAND_CAMERA && !t->options->no_commands &&
            thingpass_command_topic(&t->core, c->topic, sizeof c->topic) > 0;
    c->commands.does = THINGPASS_CAPTURE | THINGPASS_DOWNLOAD;
}

static void give_up(struct thingpass_virtual_thing *t, const char *why) {
    t->commander.on = false;
    thingpass_say(&t->say, THINGPASS_SAY_NOTICE,
                  "%s; going on without commands (--no-commands says so at once)", why);
}

// AWS IoT closes a connection over a SUBSCRIBE that its policy does not allow.
static bool was_thrown_out(struct thingpass_commander *c, unsigned connection) {
    if (c->asked != 0 && c->asked != connection && !c->subscribed_now) {
        c->lost++;
    }
    return !c->subscribed && c->lost >= LOST_MOST;
}

void thingpass_commander_step(struct thingpass_virtual_thing *t) {
    struct thingpass_commander *c = &t->commander;
    unsigned connection = t->mqtt.connections;
    if (!c->on || !thingpass_mqtt_link_ready(&t->mqtt) ||
        (c->asked == connection && c->subscribed_now)) {
        return;
    }
    if (was_thrown_out(c, connection)) {
        give_up(t, "the MQTT server ends the connection when this thing subscribes to commands");
        return;
    }
    if (c->asked != connection) {
        c->asked = connection;
        c->subscribed_now = false;
    }
    int rc = thingpass_mqtt_link_subscribe(&t->mqtt, c->topic);
    if (rc == THINGPASS_OK) {
        c->subscribed = c->subscribed_now = true;
        thingpass_say(&t->say, THINGPASS_SAY_DETAIL, "listens to operators on %s", c->topic);
    } else if (rc != THINGPASS_EAGAIN) {
        give_up(t, t->mqtt.why.text);
    }
}

void thingpass_commander_receive(struct thingpass_virtual_thing *t,
                                 const struct thingpass_message *message) {
    struct thingpass_commander *c = &t->commander;
    struct thingpass_command command;
    if (!c->on) {
        return;
    }
    int rc = thingpass_command_receive(&t->core, &c->commands, message, &command);
    if (rc < 0) {
        thingpass_say(&t->say, THINGPASS_SAY_NOTICE,
                      "command %s is none that this thing understands", command.id);
    } else if (rc > 0 && c->state != THINGPASS_COMMANDER_IDLE) {
        (void)thingpass_command_answer(&t->core, command.id, "busy");
    } else if (rc > 0) {
        c->command = command;
        c->state = THINGPASS_COMMANDER_TOLD;
        thingpass_say(&t->say, THINGPASS_SAY_DETAIL, "command %s: %s", command.id,
                      command.verb == THINGPASS_CAPTURE ? "take a photo" : "download");
    }
}

// Publishes, and waits for a connection if there is none just now.
static void answer(struct thingpass_virtual_thing *t, const char *code) {
    uint64_t until_ms = thingpass_posix_now_ms() + ANSWER_PATIENCE_MS;
    struct thingpass_commander *c = &t->commander;
    int rc;
    while ((rc = thingpass_command_answer(&t->core, c->command.id, code)) == THINGPASS_EAGAIN &&
           thingpass_posix_now_ms() < until_ms && !thingpass_must_end(t)) {
        thingpass_pump(t, until_ms, false);
    }
    if (rc != THINGPASS_OK) {
        thingpass_say(&t->say, THINGPASS_SAY_NOTICE, "command %s: its result was not sent: %s",
                      c->command.id, thingpass_strerror(rc));
    }
    c->state = THINGPASS_COMMANDER_IDLE;
    c->id[0] = '\0';
}

bool thingpass_commander_wants(struct thingpass_virtual_thing *t, enum thingpass_verb verb) {
    const struct thingpass_commander *c = &t->commander;
    int64_t now_s;
    if (c->state != THINGPASS_COMMANDER_TOLD || c->command.verb != verb) {
        return false;
    }
    if (thingpass_now(&t->core, &now_s) == THINGPASS_OK && now_s >= c->command.expires_at) {
        answer(t, "expired");
        return false;
    }
    return true;
}

const char *thingpass_commander_kind(const struct thingpass_virtual_thing *t) {
    const struct thingpass_commander *c = &t->commander;
    bool named = c->state == THINGPASS_COMMANDER_BUSY && c->command.verb == THINGPASS_CAPTURE &&
                 c->command.kind[0] != '\0';
    return named ? c->command.kind : t->options->kind;
}

void thingpass_commander_begin(struct thingpass_virtual_thing *t, const char *id) {
    t->commander.state = THINGPASS_COMMANDER_BUSY;
    (void)snprintf(t->commander.id, sizeof t->commander.id, "%s", id);
}

void thingpass_commander_end(struct thingpass_virtual_thing *t, const char *code) {
    if (t->commander.state == THINGPASS_COMMANDER_BUSY) {
        answer(t, code);
    }
}

// Without --downloads what comes is verified, and thrown away.
static int begin_nothing(void *ctx, const char *version, uint32_t size, uint32_t offset) {
    (void)ctx, (void)version, (void)size, (void)offset;
    return THINGPASS_OK;
}

static int write_nothing(void *ctx, const void *data, size_t n) {
    (void)ctx, (void)data, (void)n;
    return THINGPASS_OK;
}

static int end_nothing(void *ctx, int err) {
    (void)ctx, (void)err;
    return THINGPASS_OK;
}

static const struct thingpass_sink nothing = {NULL, begin_nothing, write_nothing, NULL,
                                              end_nothing};

// Where it goes; NULL if there is no such place.
static const struct thingpass_sink *sink_of(struct thingpass_virtual_thing *t) {
    struct thingpass_commander *c = &t->commander;
    const char *folder = t->options->downloads;
    char path[THINGPASS_FILE_SINK_PATH];
    if (folder == NULL) {
        return &nothing;
    }
    const char *name = c->command.name[0] != '\0' ? c->command.name : "latest";
    int n = snprintf(path, sizeof path, "%s/%s-%s", folder, c->command.kind, name);
    bool fits = n > 0 && (size_t)n < sizeof path;
    if ((mkdir(folder, 0700) != 0 && errno != EEXIST) || !fits ||
        thingpass_file_sink_open(&c->file, path) != THINGPASS_OK) {
        thingpass_say(&t->say, THINGPASS_SAY_ERROR, "--downloads %s: cannot be written to", folder);
        return NULL;
    }
    return &c->file.sink;
}

void thingpass_commander_download(struct thingpass_virtual_thing *t) {
    struct thingpass_commander *c = &t->commander;
    const struct thingpass_sink *sink = sink_of(t);
    const struct thingpass_download job = {.kind = c->command.kind,
                                           .name =
                                               c->command.name[0] != '\0' ? c->command.name : NULL,
                                           .group = t->options->group,
                                           .sink = sink,
                                           .max_size = t->options->max_size,
                                           .deadline_ms = t->options->deadline_s * 1000};
    thingpass_commander_begin(t, "");
    t->sha256.finished = false;
    if (sink == NULL || thingpass_download_start(&t->core, &job) != THINGPASS_OK) {
        thingpass_commander_end(t, "failed");
        return;
    }
    thingpass_drive(t);
    const struct thingpass_result *result = thingpass_result(&t->core);
    thingpass_say(&t->say, THINGPASS_SAY_DETAIL, "command %s: %s: %s", c->command.id,
                  result->object_key, thingpass_strerror(result->err));
    thingpass_commander_end(t, NULL);
    t->sha256.finished = false;
}

#endif
