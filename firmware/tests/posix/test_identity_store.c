// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Keys and signing requests that a thing makes, in a folder.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <mbedtls/ecp.h>
#include <mbedtls/x509_csr.h>

#include "identity_store.h"
#include "mint.h"

static char folder[64];
static char store_folder[80];
static struct thingpass_identity_store store;
static struct thingpass_why why;

static int begin(void **state) {
    (void)state;
    strcpy(folder, "/tmp/thingpass-identity-XXXXXX");
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    (void)snprintf(store_folder, sizeof store_folder, "%s/store", folder);
    return thingpass_identity_store_open(&store, store_folder, true, &why);
}

static int end(void **state) {
    (void)state;
    DIR *d = opendir(store_folder);
    for (const struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
        char path[400];
        (void)snprintf(path, sizeof path, "%s/%s", store_folder, e->d_name);
        (void)unlink(path);
    }
    if (d != NULL) {
        (void)closedir(d);
    }
    (void)rmdir(store_folder);
    return rmdir(folder);
}

// Makes a request and reads its key.
static void request(mbedtls_x509_csr *csr) {
    char pem[2000];
    int n = store.keeper.make_csr(store.keeper.ctx, 0, pem, sizeof pem);
    assert_in_range(n, 300, 1000);
    assert_int_equal(pem[n], '\0');
    mbedtls_x509_csr_init(csr);
    assert_int_equal(mbedtls_x509_csr_parse(csr, (const unsigned char *)pem, (size_t)n + 1), 0);
}

static bool same_key(const mbedtls_x509_csr *a, const mbedtls_x509_csr *b) {
    return mbedtls_ecp_point_cmp(&mbedtls_pk_ec(a->pk)->Q, &mbedtls_pk_ec(b->pk)->Q) == 0;
}

static void a_key_is_made_once(void **state) {
    (void)state;
    mbedtls_x509_csr one, two;
    struct stat st;
    request(&one);
    request(&two);
    assert_int_equal(mbedtls_pk_get_bitlen(&one.pk), 256);
    assert_true(same_key(&one, &two));
    assert_int_equal(stat(store_folder, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    mbedtls_x509_csr_free(&two);
    assert_int_equal(store.keeper.erase(store.keeper.ctx, 0, THINGPASS_IDENTITY_KEY), 0);
    request(&two);
    assert_false(same_key(&one, &two));
    mbedtls_x509_csr_free(&one);
    mbedtls_x509_csr_free(&two);
}

// The power went while it was written.
static void half_a_key_is_none(void **state) {
    (void)state;
    mbedtls_x509_csr one, two;
    char path[100];
    request(&one);
    (void)snprintf(path, sizeof path, "%s/KEYSLOT0.PEM", store_folder);
    assert_int_equal(truncate(path, 100), 0);
    request(&two);
    assert_false(same_key(&one, &two));
    mbedtls_x509_csr_free(&one);
    mbedtls_x509_csr_free(&two);
}

static void a_request_that_does_not_fit_is_an_error(void **state) {
    (void)state;
    char pem[100];
    assert_true(store.keeper.make_csr(store.keeper.ctx, 0, pem, sizeof pem) < 0);
}

static int keep(const char *pem) {
    return store.keeper.write(store.keeper.ctx, 0, THINGPASS_IDENTITY_CERT, pem, strlen(pem));
}

static void a_certificate_for_another_key_is_not_kept(void **state) {
    (void)state;
    static struct mint ca, leaf;
    mbedtls_x509_csr csr;
    mint_ca(&ca, "test CA");
    mint_leaf(&leaf, &ca, &(struct mint_terms){.cn = "AWS IoT Certificate"});
    assert_int_equal(keep(leaf.pem), THINGPASS_ENOENT); // there is no key yet
    request(&csr);
    assert_int_equal(keep(leaf.pem), THINGPASS_EMISMATCH);
    assert_int_equal(keep("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
                     THINGPASS_EMISMATCH);
    assert_int_equal(
        thingpass_identity_files_write_key(&store.files, 0, leaf.key_pem, strlen(leaf.key_pem)),
        THINGPASS_OK);
    assert_int_equal(keep(leaf.pem), THINGPASS_OK);
    mbedtls_x509_csr_free(&csr);
    mint_free(&leaf);
    mint_free(&ca);
}

static void an_empty_store_says_what_to_do(void **state) {
    (void)state;
    assert_int_equal(thingpass_identity_store_load(&store, &why), THINGPASS_ENOENT);
    assert_non_null(strstr(why.text, "get one with provision --store"));
    assert_int_equal(
        thingpass_identity_store_open(&store, "/tmp/thingpass-no-such-folder", false, &why),
        THINGPASS_OK);
    assert_int_equal(thingpass_identity_store_load(&store, &why), THINGPASS_EMEDIUM);
    char long_name[200];
    memset(long_name, 'a', sizeof long_name);
    long_name[sizeof long_name - 1] = '\0';
    assert_int_equal(thingpass_identity_store_open(&store, long_name, false, &why),
                     THINGPASS_EINVAL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_key_is_made_once),
        TEST(half_a_key_is_none),
        TEST(a_request_that_does_not_fit_is_an_error),
        TEST(a_certificate_for_another_key_is_not_kept),
        TEST(an_empty_store_says_what_to_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
