// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Reading commands. They come at any time, so they are parsed on the stack: the two
// lent buffers may be in use.

#include "thingpass/command.h"

#include <string.h>

#include "clock.h"
#include "json.h"
#include "upload.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

enum { root = 0, node_max = 24 };

struct fields {
    int64_t time, expires_at;
    struct thingpass_span kind, name; // empty where there is none
};

int thingpass_command_topic(const struct thingpass *tp, char *buf, size_t cap) {
    size_t size = thingpass_put_topic(tp, "/command", buf, cap);
    return size != SIZE_MAX ? (int)size - 1 : THINGPASS_ESPACE;
}

static bool is_ours(const struct thingpass *tp, const struct thingpass_message *m) {
    char text[THINGPASS_TOPIC_MAX + 1];
    struct thingpass_span topic = {m->topic, m->topic_len};
    return !m->retained && m->len <= THINGPASS_COMMAND_MAX &&
           thingpass_command_topic(tp, text, sizeof text) >= 0 && thingpass_span_is(topic, text);
}

// FNV-1a, 32 bits. Eight ids of 64 characters would take half a kilobyte; one that is
// taken for another by chance, once in 500 million, is a command that gets no answer.
static uint32_t hash_of(struct thingpass_span s) {
    uint32_t hash = 2166136261U;
    for (size_t i = 0; i < s.n; i++) {
        hash = (hash ^ (unsigned char)s.p[i]) * 16777619U;
    }
    return hash | 1; // 0: no id
}

// Whether the id is new; it is not any more.
static bool remember(struct thingpass_commands *c, struct thingpass_span id) {
    uint32_t hash = hash_of(id);
    for (size_t i = 0; i < COUNT(c->ids); i++) {
        if (c->ids[i] == hash) {
            return false;
        }
    }
    c->next = c->next < COUNT(c->ids) ? c->next : 0;
    c->ids[c->next++] = hash;
    return true;
}

static bool name_ok(struct thingpass_span s) {
    for (size_t i = 0; i < s.n; i++) {
        if (!thingpass_is(s.p[i], THINGPASS_ID) && (s.p[i] != '.' || i == 0)) {
            return false;
        }
    }
    return s.n > 0 && s.n <= THINGPASS_COMMAND_NAME_MAX;
}

// Reads what every command has, and no field more [P-15.5].
static bool read_fields(const struct thingpass_json *json, struct fields *f) {
    static const struct thingpass_json_field fields[] = {
        {"time", THINGPASS_JSON_TIME, false, offsetof(struct fields, time)},
        {"expiresAt", THINGPASS_JSON_TIME, false, offsetof(struct fields, expires_at)},
        {"kind", THINGPASS_JSON_STRING, true, offsetof(struct fields, kind)},
        {"name", THINGPASS_JSON_STRING, true, offsetof(struct fields, name)},
    };
    memset(f, 0, sizeof *f);
    if (thingpass_json_read(json, root, fields, COUNT(fields), f) < 0) {
        return false;
    }
    int known = 4 + (f->kind.p != NULL) + (f->name.p != NULL); // id and command are there
    return json->count == 1 + 2 * known &&
           (f->kind.p == NULL || thingpass_span_all(f->kind, THINGPASS_KIND_MAX, THINGPASS_KIND)) &&
           (f->name.p == NULL || name_ok(f->name));
}

static bool suits(enum thingpass_verb verb, const struct fields *f) {
    return verb == THINGPASS_CAPTURE ? f->name.p == NULL : f->kind.p != NULL;
}

static bool has_expired(struct thingpass *tp, const struct fields *f) {
    int64_t now;
    if (thingpass_now(tp, &now) < 0) {
        now = f->time;
        thingpass_clock_set(&tp->clock, now, thingpass_clock_ms(tp));
    }
    return f->expires_at <= (now > f->time ? now : f->time);
}

// Returns the code of what is wrong; "" if it is to be done, NULL to ignore it.
static const char *judge(struct thingpass *tp, const struct thingpass_json *json, unsigned does,
                         struct thingpass_command *command) {
    static const char *const verbs[] = {"capture", "download"};
    struct thingpass_span verb;
    struct fields f;
    if (thingpass_json_string(json, root, "command", &verb) < 0) {
        return "bad-command";
    }
    unsigned i = 0;
    while (i < COUNT(verbs) && !thingpass_span_is(verb, verbs[i])) {
        i++;
    }
    if ((does >> i & 1) == 0 || i == COUNT(verbs)) {
        return "unknown-command";
    }
    command->verb = (enum thingpass_verb)(1U << i);
    if (!read_fields(json, &f) || !suits(command->verb, &f)) {
        return "bad-command";
    }
    command->expires_at = f.expires_at;
    thingpass_copy_cut(command->kind, sizeof command->kind, f.kind);
    thingpass_copy_cut(command->name, sizeof command->name, f.name);
    return has_expired(tp, &f) ? NULL : "";
}

// Returns as judge does. text has room for a command.
static const char *read(struct thingpass *tp, struct thingpass_commands *commands, char *text,
                        size_t len, struct thingpass_command *command) {
    struct thingpass_json_node nodes[node_max + 1];
    struct thingpass_json json;
    struct thingpass_span id;
    if (thingpass_json_parse(&json, text, len, nodes, sizeof nodes) < 0 ||
        thingpass_json_string(&json, root, "id", &id) < 0 ||
        !thingpass_span_all(id, THINGPASS_ID_MAX, THINGPASS_ID) || !remember(commands, id)) {
        return NULL;
    }
    thingpass_copy_cut(command->id, sizeof command->id, id);
    return judge(tp, &json, commands->does, command);
}

static const char *copy_and_read(struct thingpass *tp, struct thingpass_commands *commands,
                                 const struct thingpass_message *m,
                                 struct thingpass_command *command) {
    char text[THINGPASS_COMMAND_MAX];
    if (m->len > 0) {
        memcpy(text, m->payload, m->len);
    }
    return read(tp, commands, text, m->len, command);
}

int thingpass_command_receive(struct thingpass *tp, struct thingpass_commands *commands,
                              const struct thingpass_message *message,
                              struct thingpass_command *command) {
    memset(command, 0, sizeof *command);
    if (!is_ours(tp, message)) {
        return 0;
    }
    const char *code = copy_and_read(tp, commands, message, command);
    if (code == NULL || *code == '\0') {
        return code != NULL;
    }
    (void)thingpass_command_answer(tp, command->id, code);
    return THINGPASS_EREPLY;
}
