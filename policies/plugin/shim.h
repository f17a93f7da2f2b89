// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Mosquitto's plugin interface (version 5) on one side, Go on the other.

#ifndef THINGPASS_PLUGIN_SHIM_H
#define THINGPASS_PLUGIN_SHIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mosquitto;

// A client's certificate as DER; to be freed by the caller. NULL: it has none.
unsigned char *thingpass_certificate(struct mosquitto *client, size_t *len);

// Has the next tick call thingpassTick(). Any thread may.
void thingpass_pend(void);

// Has Go be asked anew about all clients. Mosquitto's thread alone may.
void thingpass_forget(void);

enum {
    THINGPASS_DENIED = 0,
    THINGPASS_ALLOWED = 1,
    THINGPASS_ALLOWED_ONCE = 2, // of no connection: not to be remembered
};

void thingpass_log(int level, const char *line);
bool thingpass_set_username(struct mosquitto *client, const char *name);
void thingpass_kick(const char *client_id);
const char *thingpass_client_id(const struct mosquitto *client);
const char *thingpass_address(const struct mosquitto *client); // "": it never had a connection
bool thingpass_connected(const struct mosquitto *client);      // over TLS
const char *thingpass_username(const struct mosquitto *client);

#endif
