// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if !defined(ESP_PLATFORM)

#include "identity_store.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <mbedtls/ecp.h>
#include <mbedtls/pk.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/version.h>
#include <mbedtls/x509_crt.h>
#include <mbedtls/x509_csr.h>

#include "posix_world.h"

static int random_bytes(void *ctx, unsigned char *out, size_t length) {
    return thingpass_posix_random.fill(ctx, out, length);
}

static int parse_key(mbedtls_pk_context *key, const char *pem, size_t size) {
#if MBEDTLS_VERSION_MAJOR >= 3
    return mbedtls_pk_parse_key(key, (const unsigned char *)pem, size, NULL, 0, random_bytes, NULL);
#else
    return mbedtls_pk_parse_key(key, (const unsigned char *)pem, size, NULL, 0);
#endif
}

static int is_pair(const mbedtls_pk_context *public_key, const mbedtls_pk_context *key) {
#if MBEDTLS_VERSION_MAJOR >= 3
    return mbedtls_pk_check_pair(public_key, key, random_bytes, NULL);
#else
    return mbedtls_pk_check_pair(public_key, key);
#endif
}

// Reads a slot's key. Returns THINGPASS_OK; THINGPASS_ENOENT if there is none, or what is
// there is none; or what the folder said.
static int read_key(const struct thingpass_identity_store *store, unsigned slot,
                    mbedtls_pk_context *key) {
    char pem[1000];
    int n = thingpass_identity_files_read_key(&store->files, slot, pem, sizeof pem - 1);
    if (n < 0) {
        return n == THINGPASS_ESPACE ? THINGPASS_ENOENT : n;
    }
    pem[n] = '\0';
    int rc = parse_key(key, pem, (size_t)n + 1);
    mbedtls_platform_zeroize(pem, sizeof pem);
    return rc == 0 ? THINGPASS_OK : THINGPASS_ENOENT;
}

static int make_key(const struct thingpass_identity_store *store, unsigned slot,
                    mbedtls_pk_context *key) {
    char pem[1000];
    mbedtls_pk_free(key); // of what was half read
    mbedtls_pk_init(key);
    if (mbedtls_pk_setup(key, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY)) != 0 ||
        mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(*key), random_bytes, NULL) !=
            0 ||
        mbedtls_pk_write_key_pem(key, (unsigned char *)pem, sizeof pem) != 0) {
        return THINGPASS_EIO;
    }
    int rc = thingpass_identity_files_write_key(&store->files, slot, pem, strlen(pem));
    mbedtls_platform_zeroize(pem, sizeof pem);
    return rc;
}

// The server takes the key from it and nothing else; the name is for people.
static int write_csr(mbedtls_pk_context *key, char *pem, size_t cap) {
    mbedtls_x509write_csr csr;
    mbedtls_x509write_csr_init(&csr);
    mbedtls_x509write_csr_set_md_alg(&csr, MBEDTLS_MD_SHA256);
    mbedtls_x509write_csr_set_key(&csr, key);
    int rc = mbedtls_x509write_csr_set_subject_name(&csr, "CN=thingpass");
    if (rc == 0) {
        rc = mbedtls_x509write_csr_pem(&csr, (unsigned char *)pem, cap, random_bytes, NULL);
    }
    mbedtls_x509write_csr_free(&csr);
    return rc != 0 ? THINGPASS_EIO : (int)strlen(pem);
}

static int make_csr(void *ctx, unsigned slot, char *pem, size_t cap) {
    const struct thingpass_identity_store *store = ctx;
    mbedtls_pk_context key;
    mbedtls_pk_init(&key);
    int rc = read_key(store, slot, &key);
    if (rc == THINGPASS_ENOENT) {
        rc = make_key(store, slot, &key);
    }
    if (rc >= 0) {
        rc = write_csr(&key, pem, cap);
    }
    mbedtls_pk_free(&key);
    return rc;
}

// Whether a certificate is for a slot's key.
static int check_pair(const struct thingpass_identity_store *store, unsigned slot, const char *pem,
                      size_t n) {
    char text[sizeof store->cert];
    mbedtls_x509_crt certificate;
    mbedtls_pk_context key;
    if (n >= sizeof text) {
        return THINGPASS_ESPACE;
    }
    memcpy(text, pem, n);
    text[n] = '\0';
    mbedtls_x509_crt_init(&certificate);
    mbedtls_pk_init(&key);
    int rc = read_key(store, slot, &key);
    if (rc == THINGPASS_OK &&
        (mbedtls_x509_crt_parse(&certificate, (const unsigned char *)text, n + 1) != 0 ||
         is_pair(&certificate.pk, &key) != 0)) {
        rc = THINGPASS_EMISMATCH;
    }
    mbedtls_pk_free(&key);
    mbedtls_x509_crt_free(&certificate);
    return rc;
}

static int write_item(void *ctx, unsigned slot, enum thingpass_identity_item item, const void *data,
                      size_t n) {
    const struct thingpass_identity_store *store = ctx;
    int rc = item == THINGPASS_IDENTITY_CERT ? check_pair(store, slot, data, n) : THINGPASS_OK;
    const struct thingpass_keeper *files = &store->files.keeper;
    return rc < 0 ? rc : files->write(files->ctx, slot, item, data, n);
}

static int read_item(void *ctx, unsigned slot, enum thingpass_identity_item item, void *buf,
                     size_t cap) {
    const struct thingpass_keeper *files = &((struct thingpass_identity_store *)ctx)->files.keeper;
    return files->read(files->ctx, slot, item, buf, cap);
}

static int erase_item(void *ctx, unsigned slot, enum thingpass_identity_item item) {
    const struct thingpass_keeper *files = &((struct thingpass_identity_store *)ctx)->files.keeper;
    return files->erase(files->ctx, slot, item);
}

int thingpass_identity_store_open(struct thingpass_identity_store *store, const char *folder,
                                  bool make, struct thingpass_why *why) {
    memset(store, 0, sizeof *store);
    if (make && mkdir(folder, 0700) != 0 && errno != EEXIST) {
        return thingpass_fail(why, THINGPASS_EINVAL, "--store: make the folder %s: %s", folder,
                              strerror(errno));
    }
    if (thingpass_posix_files_init(&store->folder, folder) != THINGPASS_OK) {
        return thingpass_fail(why, THINGPASS_EINVAL,
                              "--store: the folder's name has at most %d bytes",
                              THINGPASS_POSIX_FOLDER_MAX);
    }
    thingpass_identity_files_init(&store->files, &store->folder.files, make_csr, store);
    store->keeper = (struct thingpass_keeper){store, make_csr, write_item, read_item, erase_item};
    return THINGPASS_OK;
}

int thingpass_identity_store_load(struct thingpass_identity_store *store,
                                  struct thingpass_why *why) {
    const char *folder = store->folder.folder;
    int rc =
        thingpass_identity_load(&store->keeper, &store->identity, store->cert, sizeof store->cert);
    if (rc == THINGPASS_ENOENT) {
        return thingpass_fail(why, rc,
                              "there is no identity in %s yet: get one with provision --store %s",
                              folder, folder);
    }
    if (rc < 0) {
        return thingpass_fail(why, rc, "read the identity in %s: %s", folder,
                              thingpass_strerror(rc));
    }
    unsigned slot = store->identity.slot;
    (void)snprintf(store->cert_file, sizeof store->cert_file, "%s/CRTSLOT%u.PEM", folder, slot);
    (void)snprintf(store->key_file, sizeof store->key_file, "%s/KEYSLOT%u.PEM", folder, slot);
    return THINGPASS_OK;
}

void thingpass_identity_store_prove(struct thingpass_identity_store *store,
                                    const struct thingpass_say *say) {
    int rc = thingpass_identity_prove(&store->keeper, &store->identity);
    if (rc < 0) {
        thingpass_say(say, THINGPASS_SAY_NOTICE, "note in %s that the identity is good: %s",
                      store->folder.folder, thingpass_strerror(rc));
    }
}

#endif
