// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#ifndef THINGPASS_TESTS_MOSQUITTO_SERVER_H
#define THINGPASS_TESTS_MOSQUITTO_SERVER_H

#include <stdint.h>
#include <sys/types.h>

#include "mint.h"

// A Mosquitto in a child process, with mutual TLS on 127.0.0.1 and its files in
// a folder of its own. Everything here ends the test when it fails.
struct mosquitto_server {
    char folder[64];
    uint16_t port;
    pid_t pid;
};

// Takes a folder and a free port; writes ca.crt, server.crt and server.key.
void mosquitto_server_init(struct mosquitto_server *server, const struct mint *ca,
                           const struct mint *leaf);

// Starts it and waits until it takes connections. extra is added to its
// configuration; with NULL for tls there is no TLS.
void mosquitto_server_start(struct mosquitto_server *server, const char *tls, const char *extra);

// What mutual TLS looks like in its configuration.
extern const char mosquitto_server_mutual_tls[];

// Kills it as a power failure would (SIGKILL). It may be started again.
void mosquitto_server_kill(struct mosquitto_server *server);

// Kills it and removes the folder.
void mosquitto_server_end(struct mosquitto_server *server);

// Writes text to a file of the folder and returns its path in `path`.
void mosquitto_server_file(const struct mosquitto_server *server, const char *name,
                           const char *text, char path[128]);

// A port of 127.0.0.1 that is free now.
uint16_t free_port(void);

#endif
