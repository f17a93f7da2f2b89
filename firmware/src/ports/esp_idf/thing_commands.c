// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if defined(ESP_PLATFORM)

// What operators have the thing do [P-15]. All of it happens in the thing's task.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <esp_log.h>

#include "thing.h"
#include "thingpass/command.h"

static const char tag[] = "thingpass";

struct thingpass_esp_commander {
    struct thingpass_commands commands;
    thingpass_esp_command_fn on_command;
    void *ctx;
    char topic[THINGPASS_TOPIC_MAX + 1];
};

static void on_message(void *ctx, const char *topic, const void *payload, size_t len) {
    struct thingpass_esp *esp = ctx;
    struct thingpass_esp_commander *c = esp->commander;
    const struct thingpass_message message = {topic, strlen(topic), payload, len, esp->retained};
    struct thingpass_command command;
    int rc = thingpass_command_receive(&esp->core, &c->commands, &message, &command);
    if (rc > 0) {
        c->on_command(c->ctx, &command);
    } else if (rc < 0) {
        ESP_LOGW(tag, "command %s is none that this thing understands", command.id);
    }
}

int thingpass_esp_on_command(struct thingpass_esp *esp, unsigned does,
                             thingpass_esp_command_fn on_command, void *ctx) {
    if (on_command == NULL || esp->commander != NULL) {
        return THINGPASS_EINVAL;
    }
    struct thingpass_esp_commander *c = calloc(1, sizeof *c);
    if (c == NULL) {
        return THINGPASS_ESPACE;
    }
    c->commands.does = does;
    c->on_command = on_command;
    c->ctx = ctx;
    int rc = thingpass_command_topic(&esp->core, c->topic, sizeof c->topic);
    if (rc < 0) {
        free(c);
        return rc;
    }
    esp->commander = c; // before a message can come
    rc = thingpass_esp_subscribe(esp, c->topic, on_message, esp);
    if (rc != THINGPASS_OK) {
        esp->commander = NULL;
        free(c);
    }
    return rc;
}

static int publish(struct thingpass_esp *esp, const char *text, size_t len) {
    char topic[THINGPASS_TOPIC_MAX + 1];
    (void)snprintf(topic, sizeof topic, "%s/%s/command-result", esp->core.config.root,
                   esp->core.config.thing);
    return thingpass_mqtt_link_publish(&esp->mqtt, topic, text, len, 1, 0);
}

int thingpass_esp_answer(struct thingpass_esp *esp, const char *id,
                         const struct thingpass_result *result, const char *code) {
    enum { SIZE = THINGPASS_KEY_MAX + 300 };
    if (code != NULL) {
        return thingpass_command_answer(&esp->core, id, code); // its own stack is all it uses
    }
    char *text = malloc(SIZE);
    if (text == NULL) {
        return THINGPASS_ESPACE;
    }
    int len = thingpass_command_print(result, id, text, SIZE);
    int rc = len < 0 ? len : publish(esp, text, (size_t)len);
    free(text);
    return rc;
}

#endif
