// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Nothing of ESP-IDF here: tests/esp runs it on a PC.

#include "topic_filter.h"

#include <string.h>

enum { longest = 256 }; // what AWS IoT Core takes

bool thingpass_topic_filter_ok(const char *filter) {
    if (filter == NULL || filter[0] == '\0' || strlen(filter) > longest ||
        strncmp(filter, "$share/", 7) == 0 || strncmp(filter, "$queue/", 7) == 0) {
        return false;
    }
    for (const char *p = filter; *p != '\0'; p++) {
        bool first = p == filter || p[-1] == '/';
        if (*p == '+' && (!first || (p[1] != '/' && p[1] != '\0'))) {
            return false;
        }
        if (*p == '#' && (!first || p[1] != '\0')) {
            return false;
        }
    }
    return true;
}

bool thingpass_topic_filter_matches(const char *filter, const char *topic) {
    if (topic[0] == '$' && (filter[0] == '+' || filter[0] == '#')) {
        return false;
    }
    while (*filter != '\0') {
        if (*filter == '#') {
            return true;
        }
        if (*filter == '+') {
            topic += strcspn(topic, "/");
            filter++;
        } else if (*filter == *topic) {
            filter++;
            topic++;
        } else {
            // "a/#" names "a" as well
            return *topic == '\0' && strcmp(filter, "/#") == 0;
        }
    }
    return *topic == '\0';
}
