// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// What becomes of an identity that is on its way.

#include <string.h>

#include "crc32.h"
#include "identity_slots.h"
#include "provision_steps.h"

void thingpass_provision_withdraw(struct thingpass_provision *p, int err) {
    const struct thingpass_keeper *k = p->config.keeper;
    if (p->config.thing != NULL && p->phase == THINGPASS_PROVISION_REGISTER &&
        err != THINGPASS_OK && p->open == 0) {
        (void)k->erase(k->ctx, p->slot, THINGPASS_IDENTITY_RECORD);
    }
}

int thingpass_provision_prepare(struct thingpass_provision *p) {
    const struct thingpass_provision_config *c = &p->config;
    int err =
        thingpass_identity_prepare(c->keeper, c->buffer, c->buffer_size, &p->slot, &p->number);
    if (err < 0) {
        thingpass_provision_finish(p, err);
    } else {
        thingpass_provision_enter(p, THINGPASS_PROVISION_CERTIFY);
    }
    return THINGPASS_STEP_RUN;
}

static int write_record(struct thingpass_provision *p, const char *thing) {
    const struct thingpass_identity_record record = {p->number, p->cert_len, p->cert_crc, thing,
                                                     p->result.certificate_id};
    return thingpass_identity_commit(p->config.keeper, p->slot, &record);
}

// Keeps the certificate, and with it the record where the name is known.
static int write_identity(struct thingpass_provision *p) {
    const struct thingpass_keeper *k = p->config.keeper;
    int err = k->write(k->ctx, p->slot, THINGPASS_IDENTITY_CERT, p->pem.p, p->pem.n);
    p->cert_len = (uint32_t)p->pem.n;
    p->cert_crc = thingpass_crc32(0, p->pem.p, p->pem.n);
    return err >= 0 && p->config.thing != NULL ? write_record(p, p->config.thing) : err;
}

int thingpass_provision_keep(struct thingpass_provision *p) {
    char *buffer = p->config.buffer;
    int err = write_identity(p);
    if (err == THINGPASS_EMISMATCH) { // whoever sent it, it is not ours
        p->phase = THINGPASS_PROVISION_CERTIFY;
        thingpass_provision_ask_later(p, THINGPASS_EREPLY);
        return THINGPASS_STEP_RUN;
    }
    if (err < 0) {
        thingpass_provision_finish(p, err == THINGPASS_EAGAIN ? THINGPASS_EIO : err);
        return THINGPASS_STEP_DONE;
    }
    memmove(buffer, p->token.p, p->token.n);
    p->token.p = buffer;
    p->unanswered = 0;
    p->open = 0;
    thingpass_provision_enter(p, THINGPASS_PROVISION_REGISTER);
    return THINGPASS_STEP_RUN;
}

int thingpass_provision_commit(struct thingpass_provision *p) {
    bool written = p->config.thing != NULL && strcmp(p->config.thing, p->result.thing) == 0;
    int err = written ? THINGPASS_OK : write_record(p, p->result.thing);
    thingpass_provision_finish(p, err == THINGPASS_EAGAIN ? THINGPASS_EIO
                                  : err < 0               ? err
                                                          : THINGPASS_OK);
    return THINGPASS_STEP_DONE;
}
