// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if !defined(ESP_PLATFORM)

#include "identity.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <mbedtls/oid.h>
#include <mbedtls/pk.h>
#include <mbedtls/version.h>
#include <mbedtls/x509_crt.h>

#include "posix_world.h"
#include "tls_trust.h"

static int random_bytes(void *ctx, unsigned char *out, size_t length) {
    return thingpass_posix_random.fill(ctx, out, length);
}

int thingpass_identity_key(mbedtls_pk_context *key, const char *file) {
#if MBEDTLS_VERSION_MAJOR >= 3
    return mbedtls_pk_parse_keyfile(key, file, NULL, random_bytes, NULL);
#else
    return mbedtls_pk_parse_keyfile(key, file, NULL);
#endif
}

static int is_pair(const mbedtls_x509_crt *certificate, const mbedtls_pk_context *key) {
#if MBEDTLS_VERSION_MAJOR >= 3
    return mbedtls_pk_check_pair(&certificate->pk, key, random_bytes, NULL);
#else
    (void)random_bytes;
    return mbedtls_pk_check_pair(&certificate->pk, key);
#endif
}

static void common_name(const mbedtls_x509_crt *certificate, char *text, size_t cap) {
    text[0] = '\0';
    for (const mbedtls_x509_name *n = &certificate->subject; n != NULL; n = n->next) {
        if (n->oid.p != NULL && MBEDTLS_OID_CMP(MBEDTLS_OID_AT_CN, &n->oid) == 0) {
            (void)snprintf(text, cap, "%.*s", (int)n->val.len, (const char *)n->val.p);
        }
    }
}

static void note_doubts(const mbedtls_x509_crt *certificate, const char *file, const char *name,
                        const struct thingpass_say *say) {
    char cn[160];
    common_name(certificate, cn, sizeof cn);
    if (name != NULL && strcmp(cn, name) != 0) {
        thingpass_say(say, THINGPASS_SAY_NOTICE,
                      "%s is the certificate of \"%s\", not of %s: the servers will hold to that",
                      file, cn, name);
    }
    if (mbedtls_x509_time_is_past(&certificate->valid_to)) {
        thingpass_say(say, THINGPASS_SAY_NOTICE, "%s expired on %04d-%02d-%02d: renew it", file,
                      certificate->valid_to.year, certificate->valid_to.mon,
                      certificate->valid_to.day);
    }
}

int thingpass_identity_check(const char *cert_file, const char *key_file, const char *name,
                             const struct thingpass_say *say, struct thingpass_why *why) {
    mbedtls_x509_crt certificate;
    mbedtls_pk_context key;
    mbedtls_x509_crt_init(&certificate);
    mbedtls_pk_init(&key);
    errno = 0;
    const char *what = "the certificate";
    const char *file = cert_file;
    int rc = mbedtls_x509_crt_parse_file(&certificate, cert_file);
    if (rc == 0) {
        what = "the key";
        file = key_file;
        rc = thingpass_identity_key(&key, key_file);
    }
    if (rc != 0) {
        rc = thingpass_tls_load_error(what, file, rc, errno, why);
    } else if (is_pair(&certificate, &key) != 0) {
        rc = thingpass_fail(why, THINGPASS_EINVAL,
                            "%s is not the key of %s; take the two that were "
                            "issued together",
                            key_file, cert_file);
    } else {
        note_doubts(&certificate, cert_file, name, say);
    }
    mbedtls_pk_free(&key);
    mbedtls_x509_crt_free(&certificate);
    return rc;
}

#endif
