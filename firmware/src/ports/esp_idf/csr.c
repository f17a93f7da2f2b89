// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if defined(ESP_PLATFORM)

#include "csr.h"

#include <stdlib.h>
#include <string.h>

#include <esp_log.h>
#include <esp_random.h>
#include <mbedtls/x509_crt.h>
#include <mbedtls/x509_csr.h>
#include <psa/crypto.h>

#include "compat.h"
#include "thingpass/error.h"

static const char tag[] = "thingpass";

#if THINGPASS_TLS_WANTS_RANDOM
static int fill(void *ctx, unsigned char *buffer, size_t length) {
    (void)ctx;
    esp_fill_random(buffer, length);
    return 0;
}
#endif

static int parse(mbedtls_pk_context *pk, const char *key) {
    return thingpass_pk_parse_key(pk, (const unsigned char *)key, strlen(key) + 1, fill);
}

#if THINGPASS_HAS_CSR

enum { key_max = 400 }; // bytes of a P-256 key in PEM, and some

#if THINGPASS_TLS_WANTS_RANDOM
static int generate(mbedtls_pk_context *pk) {
    int rc = mbedtls_pk_setup(pk, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY));
    return rc != 0 ? rc
                   : mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(*pk), fill, NULL);
}
#else
static int generate(mbedtls_pk_context *pk) {
    psa_key_attributes_t attributes = PSA_KEY_ATTRIBUTES_INIT;
    mbedtls_svc_key_id_t id;
    psa_set_key_type(&attributes, PSA_KEY_TYPE_ECC_KEY_PAIR(PSA_ECC_FAMILY_SECP_R1));
    psa_set_key_bits(&attributes, 256);
    psa_set_key_usage_flags(&attributes, PSA_KEY_USAGE_SIGN_HASH | PSA_KEY_USAGE_EXPORT);
    psa_set_key_algorithm(&attributes, PSA_ALG_ECDSA(PSA_ALG_ANY_HASH));
    psa_status_t status = psa_crypto_init();
    if (status == PSA_SUCCESS) {
        status = psa_generate_key(&attributes, &id);
    }
    if (status != PSA_SUCCESS) {
        return (int)status;
    }
    int rc = mbedtls_pk_copy_from_psa(id, pk);
    (void)psa_destroy_key(id);
    return rc;
}
#endif

char *thingpass_csr_new_key(int *rc) {
    mbedtls_pk_context pk;
    char *key = malloc(key_max);
    *rc = THINGPASS_ESPACE;
    if (key == NULL) {
        return NULL;
    }
    mbedtls_pk_init(&pk);
    int err = generate(&pk);
    if (err == 0) {
        err = mbedtls_pk_write_key_pem(&pk, (unsigned char *)key, key_max);
    }
    mbedtls_pk_free(&pk);
    *rc = err == 0 ? THINGPASS_OK : THINGPASS_EIO;
    if (err != 0) {
        ESP_LOGE(tag, "cannot make a key: -0x%04x", (unsigned)-err);
        free(key);
        return NULL;
    }
    return key;
}

static int write_pem(mbedtls_pk_context *pk, char *pem, size_t cap) {
    mbedtls_x509write_csr csr;
    mbedtls_x509write_csr_init(&csr);
    mbedtls_x509write_csr_set_md_alg(&csr, MBEDTLS_MD_SHA256);
    mbedtls_x509write_csr_set_key(&csr, pk);
    int rc = mbedtls_x509write_csr_set_subject_name(&csr, "CN=thingpass");
    if (rc == 0) {
        rc = thingpass_csr_pem(&csr, (unsigned char *)pem, cap, fill);
    }
    mbedtls_x509write_csr_free(&csr);
    return rc;
}

int thingpass_csr_write(const char *key, char *pem, size_t cap) {
    mbedtls_pk_context pk;
    mbedtls_pk_init(&pk);
    int rc = parse(&pk, key);
    if (rc == 0) {
        rc = write_pem(&pk, pem, cap);
    }
    mbedtls_pk_free(&pk);
    if (rc != 0) {
        ESP_LOGE(tag, "cannot write a signing request: -0x%04x", (unsigned)-rc);
    }
    return rc == 0 ? (int)strlen(pem) : THINGPASS_EIO;
}

#else // the build leaves out what an identity of one's own takes

char *thingpass_csr_new_key(int *rc) {
    ESP_LOGE(tag, "set CONFIG_MBEDTLS_X509_CREATE_C and CONFIG_MBEDTLS_X509_CSR_WRITE_C");
    *rc = THINGPASS_EINVAL;
    return NULL;
}

int thingpass_csr_write(const char *key, char *pem, size_t cap) {
    (void)key;
    (void)pem;
    (void)cap;
    return THINGPASS_EINVAL;
}

#endif

bool thingpass_csr_key_ok(const char *key) {
    mbedtls_pk_context pk;
    mbedtls_pk_init(&pk);
    int rc = parse(&pk, key);
    mbedtls_pk_free(&pk);
    return rc == 0;
}

int thingpass_csr_check_pair(const char *key, const char *cert) {
    mbedtls_pk_context pk;
    mbedtls_x509_crt crt;
    mbedtls_pk_init(&pk);
    mbedtls_x509_crt_init(&crt);
    int rc = parse(&pk, key);
    if (rc == 0) {
        rc = mbedtls_x509_crt_parse(&crt, (const unsigned char *)cert, strlen(cert) + 1);
    }
    if (rc == 0) {
        rc = thingpass_pk_check_pair(&crt.pk, &pk, fill);
    }
    mbedtls_pk_free(&pk);
    mbedtls_x509_crt_free(&crt);
    return rc == 0 ? THINGPASS_OK : THINGPASS_EMISMATCH;
}

#endif
