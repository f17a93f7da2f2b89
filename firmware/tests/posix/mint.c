// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#include "mint.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <mbedtls/bignum.h>
#include <mbedtls/oid.h>
#include <mbedtls/version.h>

static void must(int rc, const char *what) {
    if (rc < 0) {
        (void)fprintf(stderr, "mint: %s: -0x%04x\n", what, (unsigned)-rc);
        abort();
    }
}

int mint_random(void *unused, unsigned char *out, size_t length) {
    (void)unused;
    return getrandom(out, length, 0) == (ssize_t)length
               ? 0
               : MBEDTLS_ERR_CTR_DRBG_ENTROPY_SOURCE_FAILED;
}

static void make_key(struct mint *m) {
    mbedtls_pk_init(&m->key);
    mbedtls_x509_crt_init(&m->crt);
    must(mbedtls_pk_setup(&m->key, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY)), "key");
    must(mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(m->key), mint_random, NULL),
         "key");
    must(mbedtls_pk_write_key_pem(&m->key, (unsigned char *)m->key_pem, sizeof m->key_pem),
         "key PEM");
}

static void set_serial(mbedtls_x509write_cert *w) {
    unsigned char serial[8] = {1};
    must(mint_random(NULL, serial + 1, sizeof serial - 1), "serial");
#if MBEDTLS_VERSION_MAJOR >= 3
    must(mbedtls_x509write_crt_set_serial_raw(w, serial, sizeof serial), "serial");
#else
    mbedtls_mpi n;
    mbedtls_mpi_init(&n);
    must(mbedtls_mpi_read_binary(&n, serial, sizeof serial), "serial");
    must(mbedtls_x509write_crt_set_serial(w, &n), "serial");
    mbedtls_mpi_free(&n);
#endif
}

// Appends one GeneralName to a DER sequence. Returns its length.
static size_t general_name(unsigned char *out, const char *name, size_t length) {
    char text[128] = "";
    memcpy(text, name, length < sizeof text ? length : sizeof text - 1);
    if (strncmp(text, "ip:", 3) != 0) {
        out[0] = 0x82;
        out[1] = (unsigned char)length;
        memcpy(out + 2, text, length);
        return length + 2;
    }
    bool six = strchr(text + 3, ':') != NULL;
    out[0] = 0x87;
    out[1] = six ? 16 : 4;
    must(inet_pton(six ? AF_INET6 : AF_INET, text + 3, out + 2) == 1 ? 0 : -1, text);
    return (size_t)out[1] + 2;
}

static void set_names(mbedtls_x509write_cert *w, const char *names) {
    unsigned char der[128] = {0x30, 0};
    size_t used = 2;
    while (*names != '\0') {
        size_t length = strcspn(names, " ");
        used += general_name(der + used, names, length);
        names += length + (names[length] == ' ');
    }
    der[1] = (unsigned char)(used - 2);
    must(mbedtls_x509write_crt_set_extension(w, MBEDTLS_OID_SUBJECT_ALT_NAME,
                                             MBEDTLS_OID_SIZE(MBEDTLS_OID_SUBJECT_ALT_NAME), 0, der,
                                             used),
         "names");
}

static void sign(struct mint *m, const struct mint *ca, const struct mint_terms *t, bool is_ca) {
    char subject[160], issuer[300];
    mbedtls_x509write_cert w;
    mbedtls_x509write_crt_init(&w);
    (void)snprintf(subject, sizeof subject, "CN=%s", t->cn);
    if (ca == m) {
        (void)snprintf(issuer, sizeof issuer, "%s", subject);
    } else {
        must(mbedtls_x509_dn_gets(issuer, sizeof issuer, &ca->crt.subject), "issuer");
    }
    set_serial(&w);
    mbedtls_x509write_crt_set_version(&w, MBEDTLS_X509_CRT_VERSION_3);
    mbedtls_x509write_crt_set_md_alg(&w, MBEDTLS_MD_SHA256);
    mbedtls_x509write_crt_set_subject_key(&w, &m->key);
    mbedtls_pk_context issuer_key = ca->key; // the setter wants it writable
    mbedtls_x509write_crt_set_issuer_key(&w, &issuer_key);
    must(mbedtls_x509write_crt_set_subject_name(&w, subject), "subject");
    must(mbedtls_x509write_crt_set_issuer_name(&w, issuer), "issuer");
    must(mbedtls_x509write_crt_set_validity(
             &w, t->not_before != NULL ? t->not_before : "20200101000000",
             t->not_after != NULL ? t->not_after : "20491231235959"),
         "validity");
    must(mbedtls_x509write_crt_set_basic_constraints(&w, is_ca, -1), "constraints");
    if (t->names != NULL) {
        set_names(&w, t->names);
    }
    must(mbedtls_x509write_crt_pem(&w, (unsigned char *)m->pem, sizeof m->pem, mint_random, NULL),
         "sign");
    mbedtls_x509write_crt_free(&w);
    must(mbedtls_x509_crt_parse(&m->crt, (const unsigned char *)m->pem, strlen(m->pem) + 1),
         "parse");
}

void mint_ca(struct mint *ca, const char *cn) {
    make_key(ca);
    sign(ca, ca, &(struct mint_terms){.cn = cn}, true);
}

void mint_leaf(struct mint *leaf, const struct mint *ca, const struct mint_terms *terms) {
    make_key(leaf);
    sign(leaf, ca, terms, false);
}

void mint_free(struct mint *m) {
    mbedtls_pk_free(&m->key);
    mbedtls_x509_crt_free(&m->crt);
}
