// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#ifndef THINGPASS_POSIX_VIRTUAL_THING_H
#define THINGPASS_POSIX_VIRTUAL_THING_H

#include "camera.h"
#include "commander.h"
#include "gate.h"
#include "link_faults.h"
#include "mqtt_mosquitto.h"
#include "options.h"
#include "posix_world.h"
#include "provider.h"
#include "sensors.h"
#include "spooler.h"
#include "thingpass/ledger.h"
#include "thingpass/thingpass.h"

// A device that runs on Linux: the core with this port's world around it, and
// one thread that waits in poll() for MQTT, S3, the clock and a signal.
struct thingpass_virtual_thing {
    const struct thingpass_options *options;
    struct thingpass_say say;
    int stop_fd;

    struct thingpass_tls_trust mqtt_trust;
    struct thingpass_tls_trust s3_trust;
    struct thingpass_tls_stream stream;
    struct thingpass_link_faults faults;
    struct thingpass_posix_provider provider; // with --credentials provider
    struct thingpass_mqtt_link mqtt;
    struct thingpass_posix_sha256 sha256;
    struct thingpass_camera camera;
    struct thingpass_gate gate;       // with --motion
    struct thingpass_sensors sensors; // of the photo at hand
    struct thingpass core;
    char topic[THINGPASS_TOPIC_MAX + 1];
    struct thingpass_spooler spooler; // with --spool
    struct thingpass_commander commander;
    struct thingpass_ledger ledger; // with --verify later
    char ledger_entries[2048];

    struct thingpass_photo photo;
    struct thingpass_source source; // the photo's, as the core sees it
    char id[THINGPASS_ID_MAX + 1];
    int64_t began_at; // seconds since 1970
    uint64_t number;  // of the photo at hand, from 1
    uint64_t stored;
    uint64_t failed;
    uint64_t unconfirmed; // stored by S3's word, but not by the broker's

    bool stopping;             // a signal came
    bool fatal;                // the MQTT server will not have us
    bool camera_empty;         // the last photo was taken
    unsigned connections;      // of mqtt, as far as the core knows
    const char *phase;         // of the upload, as told by --verbose
    struct thingpass_why told; // the stream's trouble, likewise
    uint64_t pumped_ms;        // when messages were last looked for
};

// Reads files, opens the camera and prepares the rest; connects nothing. options
// must outlive the thing, which must not move in memory. Returns THINGPASS_OK,
// or < 0 with the reason; close it in either case.
int thingpass_virtual_thing_open(struct thingpass_virtual_thing *thing,
                                 const struct thingpass_options *options, int stop_fd,
                                 struct thingpass_why *why);

// Takes and stores photos until all are done, a signal comes, or the MQTT server
// turns out to be out of reach for good. Returns whether every photo was stored.
bool thingpass_virtual_thing_run(struct thingpass_virtual_thing *thing);

void thingpass_virtual_thing_close(struct thingpass_virtual_thing *thing);

#endif
