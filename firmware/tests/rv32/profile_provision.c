// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "profile.h"
#include "thingpass/provision.h"

static int make_csr(void *ctx, unsigned slot, char *pem, size_t cap) {
    return ctx == NULL && pem != NULL && cap > slot ? THINGPASS_OK : THINGPASS_EIO;
}

static int write_item(void *ctx, unsigned slot, enum thingpass_identity_item item, const void *data,
                      size_t n) {
    return ctx == NULL && data != NULL && n > slot + item ? THINGPASS_OK : THINGPASS_EIO;
}

static int read_item(void *ctx, unsigned slot, enum thingpass_identity_item item, void *buf,
                     size_t cap) {
    return ctx == NULL && buf != NULL && cap > slot + item ? THINGPASS_OK : THINGPASS_EIO;
}

static int erase_item(void *ctx, unsigned slot, enum thingpass_identity_item item) {
    return ctx == NULL && slot != item ? THINGPASS_OK : THINGPASS_EIO;
}

static int subscribe(void *ctx, const char *topic) {
    return ctx == NULL && topic != NULL ? THINGPASS_OK : THINGPASS_EIO;
}

// Put, and a thing that gets its identity by itself.
int main(void) {
    static const struct thingpass_keeper keeper = {NULL, make_csr, write_item, read_item,
                                                   erase_item};
    static const struct thingpass_pair serial = {"SerialNumber", "1"};
    static char buffer[THINGPASS_PROVISION_BUFFER];
    static struct thingpass_provision p;
    static struct thingpass_identity identity;
    int err = profile_upload(NULL);
    const struct thingpass_provision_config config = {.template_name = "fleet",
                                                      .parameters = &serial,
                                                      .parameter_count = 1,
                                                      .mqtt = profile_config.mqtt,
                                                      .subscribe = subscribe,
                                                      .clock = profile_config.clock,
                                                      .random = profile_config.random,
                                                      .keeper = &keeper,
                                                      .buffer = buffer,
                                                      .buffer_size = sizeof buffer};
    err += thingpass_provision_start(&p, &config);
    while (thingpass_provision_step(&p, NULL) != THINGPASS_STEP_DONE) {
        err += thingpass_provision_receive(&p, buffer, 100, buffer, 1000);
    }
    err += thingpass_identity_load(&keeper, &identity, buffer, sizeof buffer);
    return err + thingpass_identity_prove(&keeper, &identity);
}
