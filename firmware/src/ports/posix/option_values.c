// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if !defined(ESP_PLATFORM)

#include "option_values.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { DEFAULT_PORT = 8883, METADATA_BYTES_MAX = 2048, VALUE_MAX = 256, NAME_MAX_ = 32 };

int thingpass_option_number(const char *option, const char *text, uint64_t least, uint64_t most,
                            uint64_t *number, struct thingpass_why *why) {
    char *end = NULL;
    errno = 0;
    unsigned long long n = text[0] >= '0' && text[0] <= '9' ? strtoull(text, &end, 10) : 0;
    if (end == NULL || *end != '\0' || errno != 0 || n < least || n > most) {
        return thingpass_fail(why, THINGPASS_EINVAL,
                              "--%s: \"%s\" is not a whole number from %llu to %llu", option, text,
                              (unsigned long long)least, (unsigned long long)most);
    }
    *number = n;
    return THINGPASS_OK;
}

static int bad_server(const char *text, struct thingpass_why *why) {
    return thingpass_fail(why, THINGPASS_EINVAL,
                          "--server: \"%s\" is not HOST:PORT, such as 192.168.1.10:8883", text);
}

// Splits off the host. Returns what follows it, "" or ":PORT", or NULL.
static const char *split_host(const char *text, const char **host, size_t *length) {
    if (text[0] == '[') {
        const char *end = strchr(text, ']');
        *host = text + 1;
        *length = end != NULL ? (size_t)(end - text) - 1 : 0;
        return end != NULL ? end + 1 : NULL;
    }
    *host = text;
    *length = strcspn(text, ":");
    return strpbrk(text, "/@ ") == NULL ? text + *length : NULL;
}

int thingpass_option_server(const char *text, struct thingpass_options *o,
                            struct thingpass_why *why) {
    const char *host;
    size_t length;
    uint64_t port = DEFAULT_PORT;
    const char *rest = split_host(text, &host, &length);
    if (rest == NULL || length == 0 || length >= sizeof o->host) {
        return bad_server(text, why);
    }
    if (rest[0] != '\0' &&
        (rest[0] != ':' ||
         thingpass_option_number("server", rest + 1, 1, 65535, &port, why) != THINGPASS_OK)) {
        return bad_server(text, why);
    }
    memcpy(o->host, host, length);
    o->host[length] = '\0';
    o->port = (uint16_t)port;
    return THINGPASS_OK;
}

static bool is_lower_word(const char *name, size_t length) {
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
    return length >= 1 && length <= NAME_MAX_ && strspn(name, allowed) >= length;
}

static bool is_metadata_value(const char *value) {
    size_t length = strlen(value);
    for (size_t i = 0; i < length; i++) {
        if (value[i] < 0x20 || value[i] > 0x7e || (value[i] == ' ' && value[i + 1] == ' ')) {
            return false;
        }
    }
    return length <= VALUE_MAX && (length == 0 || (value[0] != ' ' && value[length - 1] != ' '));
}

static size_t metadata_bytes(const struct thingpass_options *o) {
    size_t bytes = 0;
    for (size_t i = 0; i < o->metadata_count; i++) {
        bytes += strlen(o->metadata[i].name) + strlen(o->metadata[i].value);
    }
    return bytes;
}

static bool has_metadata(const struct thingpass_options *o, const char *name, size_t length) {
    for (size_t i = 0; i < o->metadata_count; i++) {
        if (strlen(o->metadata[i].name) == length &&
            memcmp(o->metadata[i].name, name, length) == 0) {
            return true;
        }
    }
    return false;
}

int thingpass_option_metadata(const char *text, struct thingpass_options *o,
                              struct thingpass_why *why) {
    size_t length = strcspn(text, "=");
    if (text[length] != '=' || !is_lower_word(text, length)) {
        return thingpass_fail(
            why, THINGPASS_EINVAL,
            "--metadata: \"%s\" is not name=value; a name has 1 to 32 of a-z 0-9 -", text);
    }
    if (!is_metadata_value(text + length + 1)) {
        return thingpass_fail(why, THINGPASS_EINVAL,
                              "--metadata: the value of %.*s must be at most 256 printable ASCII "
                              "characters, with single spaces inside only",
                              (int)length, text);
    }
    if (has_metadata(o, text, length)) {
        return thingpass_fail(why, THINGPASS_EINVAL, "--metadata: %.*s is given twice", (int)length,
                              text);
    }
    if (o->metadata_count == THINGPASS_METADATA_MAX ||
        metadata_bytes(o) + strlen(text) - 1 > METADATA_BYTES_MAX) {
        return thingpass_fail(why, THINGPASS_EINVAL,
                              "--metadata: too much of it; at most 16 pairs and 2048 bytes");
    }
    char *copy = o->metadata_text[o->metadata_count];
    memcpy(copy, text, strlen(text) + 1);
    copy[length] = '\0';
    o->metadata[o->metadata_count++] = (struct thingpass_pair){copy, copy + length + 1};
    return THINGPASS_OK;
}

int thingpass_option_parameter(const char *name, size_t length, const char *value,
                               struct thingpass_options *o, struct thingpass_why *why) {
    char *copy = o->parameter_names[o->parameter_count % THINGPASS_OPTION_PARAMETERS];
    if (length == 0 || length >= sizeof o->parameter_names[0] || strlen(value) > 256) {
        return thingpass_fail(
            why, THINGPASS_EINVAL,
            "a template's parameter has a name of 1 to 63 bytes and a value of at "
            "most 256");
    }
    if (o->parameter_count == THINGPASS_OPTION_PARAMETERS) {
        return thingpass_fail(why, THINGPASS_EINVAL, "at most %d --parameter and --serial",
                              THINGPASS_OPTION_PARAMETERS);
    }
    for (size_t i = 0; i < o->parameter_count; i++) {
        if (strlen(o->parameters[i].name) == length &&
            memcmp(o->parameters[i].name, name, length) == 0) {
            return thingpass_fail(why, THINGPASS_EINVAL, "the parameter %.*s is given twice",
                                  (int)length, name);
        }
    }
    memcpy(copy, name, length);
    copy[length] = '\0';
    o->parameters[o->parameter_count++] = (struct thingpass_pair){copy, value};
    return THINGPASS_OK;
}

// Reads the number before the next comma. Sets *text to what follows the comma,
// or to NULL if there is none.
static int next_number(const char *option, const char **text, uint64_t least, uint64_t most,
                       uint64_t *number, struct thingpass_why *why) {
    char digits[32] = "";
    size_t length = strcspn(*text, ",");
    memcpy(digits, *text, length < sizeof digits ? length : sizeof digits - 1);
    *text = (*text)[length] == ',' ? *text + length + 1 : NULL;
    return thingpass_option_number(option, digits, least, most, number, why);
}

int thingpass_option_range(const char *option, const char *text, uint64_t *first, uint64_t *count,
                           struct thingpass_why *why) {
    int rc = next_number(option, &text, 1, UINT32_MAX, first, why);
    if (rc != THINGPASS_OK) {
        return rc;
    }
    return text == NULL
               ? thingpass_fail(why, THINGPASS_EINVAL, "--%s FIRST,COUNT: COUNT is missing", option)
               : thingpass_option_number(option, text, 1, UINT32_MAX, count, why);
}

int thingpass_option_waits(const char *text, struct thingpass_timing *timing,
                           struct thingpass_why *why) {
    uint64_t first = 0;
    uint64_t most = 0;
    int rc = next_number("retry-wait", &text, 10, 600000, &first, why);
    if (rc == THINGPASS_OK && text != NULL) {
        rc = thingpass_option_number("retry-wait", text, first, 600000, &most, why);
    }
    timing->retry_wait_ms = (uint32_t)first;
    timing->wait_max_ms = (uint32_t)most;
    return rc;
}

enum { CUTS_MAX = 1000000, WITHIN_DEFAULT = 65536 };

int thingpass_option_cut_after(const char *text, struct thingpass_link_settings *link,
                               struct thingpass_why *why) {
    uint64_t times = 1;
    int rc = next_number("cut-after", &text, 1, UINT64_MAX / 2, &link->cut_after, why);
    if (rc == THINGPASS_OK && text != NULL) {
        rc = thingpass_option_number("cut-after", text, 1, CUTS_MAX, &times, why);
    }
    link->cuts = (unsigned)times;
    return rc;
}

int thingpass_option_cut_random(const char *text, struct thingpass_link_settings *link,
                                struct thingpass_why *why) {
    uint64_t seed = 0;
    uint64_t times = 0;
    link->cut_within = WITHIN_DEFAULT;
    int rc = next_number("cut-random", &text, 0, UINT32_MAX, &seed, why);
    if (rc == THINGPASS_OK) {
        rc = text == NULL ? thingpass_fail(why, THINGPASS_EINVAL,
                                           "--cut-random SEED,TIMES: TIMES is missing")
                          : next_number("cut-random", &text, 1, CUTS_MAX, &times, why);
    }
    if (rc == THINGPASS_OK && text != NULL) {
        rc = thingpass_option_number("cut-random", text, 1, UINT64_MAX / 2, &link->cut_within, why);
    }
    link->cut_seed = (uint32_t)seed;
    link->cuts = (unsigned)times;
    return rc;
}

static bool is_alphanumeric(char c, bool capitals) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (capitals && c >= 'A' && c <= 'Z');
}

int thingpass_option_word(const char *option, const char *text, size_t most, bool capitals,
                          const char *extra, struct thingpass_why *why) {
    size_t n = 0;
    while (text[n] != '\0' &&
           (is_alphanumeric(text[n], capitals) || strchr(extra, text[n]) != NULL)) {
        n++;
    }
    if (text[n] != '\0' || n == 0 || n > most) {
        return thingpass_fail(why, THINGPASS_EINVAL, "--%s: \"%s\" is not 1 to %zu of %sa-z 0-9 %s",
                              option, text, most, capitals ? "A-Z " : "", extra);
    }
    return THINGPASS_OK;
}

#endif
