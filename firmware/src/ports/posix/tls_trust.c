// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if !defined(ESP_PLATFORM)

#include "tls_trust.h"

#include <errno.h>
#include <string.h>

#include <mbedtls/error.h>
#include <mbedtls/pk.h>
#include <mbedtls/version.h>

// TLS 1.2 and nothing else, as on the ESP32: mbedTLS cannot resume TLS 1.3
// sessions there, and the handshake is what an upload waits for.
static void only_tls12(mbedtls_ssl_config *config) {
#if MBEDTLS_VERSION_MAJOR >= 3
    mbedtls_ssl_conf_min_tls_version(config, MBEDTLS_SSL_VERSION_TLS1_2);
    mbedtls_ssl_conf_max_tls_version(config, MBEDTLS_SSL_VERSION_TLS1_2);
#else
    mbedtls_ssl_conf_min_version(config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
    mbedtls_ssl_conf_max_version(config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
#endif
}

static int configure(struct thingpass_tls_trust *trust) {
    int rc = mbedtls_ctr_drbg_seed(&trust->random, mbedtls_entropy_func, &trust->entropy, NULL, 0);
    if (rc != 0) {
        return rc;
    }
    rc = mbedtls_ssl_config_defaults(&trust->config, MBEDTLS_SSL_IS_CLIENT,
                                     MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT);
    if (rc != 0) {
        return rc;
    }
    only_tls12(&trust->config);
    mbedtls_ssl_conf_authmode(&trust->config, MBEDTLS_SSL_VERIFY_REQUIRED);
    mbedtls_ssl_conf_ca_chain(&trust->config, &trust->ca, NULL);
    mbedtls_ssl_conf_rng(&trust->config, mbedtls_ctr_drbg_random, &trust->random);
    mbedtls_ssl_conf_session_tickets(&trust->config, MBEDTLS_SSL_SESSION_TICKETS_ENABLED);
    return 0;
}

int thingpass_tls_load_error(const char *what, const char *file, int rc, int error,
                             struct thingpass_why *why) {
    char text[128];
    if (rc == MBEDTLS_ERR_PK_FILE_IO_ERROR) {
        return thingpass_fail(why, THINGPASS_EINVAL, "open %s %s: %s", what, file, strerror(error));
    }
    if (rc > 0) { // that many certificates of the file were not understood
        return thingpass_fail(why, THINGPASS_EINVAL,
                              "read %s %s: %d of its certificates are damaged", what, file, rc);
    }
    mbedtls_strerror(rc, text, sizeof text);
    return thingpass_fail(why, THINGPASS_EINVAL, "read %s %s: %s; it must be a PEM file", what,
                          file, text);
}

static void init(struct thingpass_tls_trust *trust, const char *name) {
    trust->ca_name = name;
    mbedtls_entropy_init(&trust->entropy);
    mbedtls_ctr_drbg_init(&trust->random);
    mbedtls_x509_crt_init(&trust->ca);
    mbedtls_ssl_config_init(&trust->config);
}

static int finish(struct thingpass_tls_trust *trust, int rc, int error, struct thingpass_why *why) {
    if (rc != 0) {
        return thingpass_tls_load_error("the CA file", trust->ca_name, rc, error, why);
    }
    rc = configure(trust);
    return rc == 0 ? THINGPASS_OK
                   : thingpass_fail(why, THINGPASS_EIO, "prepare TLS: mbedTLS error -0x%04x", -rc);
}

int thingpass_tls_trust_parse(struct thingpass_tls_trust *trust, const char *name, const void *pem,
                              size_t length, struct thingpass_why *why) {
    init(trust, name);
    return finish(trust, mbedtls_x509_crt_parse(&trust->ca, pem, length), 0, why);
}

int thingpass_tls_trust_load(struct thingpass_tls_trust *trust, const char *ca_file,
                             struct thingpass_why *why) {
    init(trust, ca_file);
    errno = 0;
    int rc = mbedtls_x509_crt_parse_file(&trust->ca, ca_file);
    return finish(trust, rc, errno, why);
}

void thingpass_tls_trust_free(struct thingpass_tls_trust *trust) {
    mbedtls_ssl_config_free(&trust->config);
    mbedtls_x509_crt_free(&trust->ca);
    mbedtls_ctr_drbg_free(&trust->random);
    mbedtls_entropy_free(&trust->entropy);
}

#endif
