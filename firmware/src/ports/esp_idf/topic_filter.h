// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#ifndef THINGPASS_ESP_IDF_TOPIC_FILTER_H
#define THINGPASS_ESP_IDF_TOPIC_FILTER_H

#include <stdbool.h>

// Whether filter is one that a thing may subscribe to: + and # stand alone in
// their level, # last; no shared subscription, because a thing in a broker's
// group would be dealt other things' requests, and lose them [P-2.6].
bool thingpass_topic_filter_ok(const char *filter);

// Whether a topic is one of those that filter names [MQTT-4.7.1, 4.7.2]. filter is
// one that thingpass_topic_filter_ok() accepts.
bool thingpass_topic_filter_matches(const char *filter, const char *topic);

#endif
