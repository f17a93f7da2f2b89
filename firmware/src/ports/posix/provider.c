// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if !defined(ESP_PLATFORM)

#include "provider.h"

#include "identity.h"

int thingpass_posix_provider_load(struct thingpass_posix_provider *provider,
                                  const struct thingpass_options *options,
                                  struct thingpass_why *why) {
    mbedtls_x509_crt_init(&provider->certificate);
    mbedtls_pk_init(&provider->key);
    thingpass_tls_stream_init(&provider->stream, &provider->trust);
    provider->port = (struct thingpass_provider){.stream = &provider->stream.port};
    int rc = thingpass_tls_trust_load(&provider->trust, options->s3_ca_file, why);
    if (rc != THINGPASS_OK) {
        return rc;
    }
    if (mbedtls_x509_crt_parse_file(&provider->certificate, options->cert_file) != 0 ||
        thingpass_identity_key(&provider->key, options->key_file) != 0 ||
        mbedtls_ssl_conf_own_cert(&provider->trust.config, &provider->certificate,
                                  &provider->key) != 0) {
        return thingpass_fail(why, THINGPASS_EINVAL,
                              "read %s and %s once more: they were good just now",
                              options->cert_file, options->key_file);
    }
    return THINGPASS_OK;
}

void thingpass_posix_provider_free(struct thingpass_posix_provider *provider) {
    if (provider->port.stream == NULL) {
        return;
    }
    thingpass_tls_stream_free(&provider->stream);
    thingpass_tls_trust_free(&provider->trust);
    mbedtls_x509_crt_free(&provider->certificate);
    mbedtls_pk_free(&provider->key);
}

#endif
