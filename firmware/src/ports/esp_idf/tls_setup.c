// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if defined(ESP_PLATFORM)

#include <string.h>

#include <esp_log.h>
#include <esp_random.h>
#if defined(CONFIG_MBEDTLS_CERTIFICATE_BUNDLE)
#include <esp_crt_bundle.h>
#endif

#include "tls_stream.h"

static const char tag[] = "thingpass";

#if THINGPASS_TLS_WANTS_RANDOM
static int fill(void *ctx, unsigned char *buffer, size_t length) {
    (void)ctx;
    esp_fill_random(buffer, length);
    return 0;
}
#endif

// mbedTLS takes PEM with its NUL.
static int parse(mbedtls_x509_crt *chain, const char *pem) {
    int rc = mbedtls_x509_crt_parse(chain, (const unsigned char *)pem, strlen(pem) + 1);
    return rc > 0 ? MBEDTLS_ERR_X509_INVALID_FORMAT : rc; // > 0: that many were not understood
}

static int set_trust(struct thingpass_esp_tls *s) {
    if (s->trust.ca == NULL) {
#if THINGPASS_HAS_BUNDLE
        return esp_crt_bundle_attach(&s->config) == ESP_OK ? 0 : MBEDTLS_ERR_X509_FATAL_ERROR;
#else
        return MBEDTLS_ERR_X509_FATAL_ERROR;
#endif
    }
    int rc = parse(&s->ca, s->trust.ca);
    mbedtls_ssl_conf_ca_chain(&s->config, &s->ca, NULL);
    return rc;
}

static int load_key(struct thingpass_esp_tls *s, const struct thingpass_esp_identity *identity) {
#if THINGPASS_HAS_PSA_KEYS
    if (identity->psa_key_id != 0) {
        return mbedtls_pk_wrap_psa(&s->key, identity->psa_key_id);
    }
#endif
    if (identity->key == NULL) {
        return MBEDTLS_ERR_X509_FEATURE_UNAVAILABLE;
    }
    return thingpass_pk_parse_key(&s->key, (const unsigned char *)identity->key,
                                  strlen(identity->key) + 1, fill);
}

static int set_identity(struct thingpass_esp_tls *s) {
    const struct thingpass_esp_identity *identity = s->trust.identity;
    if (!s->shows_identity || identity == NULL) {
        return 0;
    }
    int rc = parse(&s->own, identity->cert);
    if (rc == 0) {
        rc = load_key(s, identity);
    }
    return rc == 0 ? mbedtls_ssl_conf_own_cert(&s->config, &s->own, &s->key) : rc;
}

static int configure(struct thingpass_esp_tls *s) {
    int rc = mbedtls_ssl_config_defaults(&s->config, MBEDTLS_SSL_IS_CLIENT,
                                         MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT);
    mbedtls_ssl_conf_authmode(&s->config, MBEDTLS_SSL_VERIFY_REQUIRED);
#if THINGPASS_TLS_WANTS_RANDOM
    mbedtls_ssl_conf_rng(&s->config, fill, NULL);
#endif
    if (rc == 0) {
        rc = set_trust(s);
    }
    return rc == 0 ? set_identity(s) : rc;
}

int thingpass_esp_tls_setup(struct thingpass_esp_tls *stream) {
    int rc = configure(stream);
    if (rc == 0) {
        rc = mbedtls_ssl_setup(&stream->ssl, &stream->config);
    }
    // Both the name that is asked for (SNI) and the one that is checked.
    return rc == 0 ? mbedtls_ssl_set_hostname(&stream->ssl, stream->host) : rc;
}

void thingpass_esp_tls_setup_free(struct thingpass_esp_tls *stream) {
    mbedtls_ssl_free(&stream->ssl);
    mbedtls_ssl_config_free(&stream->config);
    mbedtls_x509_crt_free(&stream->ca);
    mbedtls_x509_crt_free(&stream->own);
    mbedtls_pk_free(&stream->key);
    mbedtls_ssl_init(&stream->ssl);
    mbedtls_ssl_config_init(&stream->config);
    mbedtls_x509_crt_init(&stream->ca);
    mbedtls_x509_crt_init(&stream->own);
    mbedtls_pk_init(&stream->key);
}

static const char *flaw(uint32_t flags) {
    if ((flags & MBEDTLS_X509_BADCERT_CN_MISMATCH) != 0) {
        return "its certificate is for another name";
    }
    if ((flags & MBEDTLS_X509_BADCERT_NOT_TRUSTED) != 0) {
        return "its certificate is not vouched for by the CA that we trust";
    }
    if ((flags & (MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_FUTURE)) != 0) {
        return "its certificate is not valid at this time; is the clock right?";
    }
    return "its certificate is not good";
}

void thingpass_esp_tls_log(const struct thingpass_esp_tls *stream, const char *what, int rc) {
    const char *words = "";
    if (rc == MBEDTLS_ERR_X509_CERT_VERIFY_FAILED) {
        words = flaw(mbedtls_ssl_get_verify_result(&stream->ssl));
    } else if (rc == MBEDTLS_ERR_SSL_ALLOC_FAILED) {
        words = "not enough memory in one piece";
    }
    ESP_LOGW(tag, "%s %s:%u: TLS error -0x%04x %s", what, stream->host, (unsigned)stream->host_port,
             (unsigned)-rc, words);
}

#endif
