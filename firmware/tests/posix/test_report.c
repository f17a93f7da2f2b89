// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// What is printed about a photo, and the words for why one was not stored.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "camera_folder.h"
#include "failure_words.h"
#include "identity.h"
#include "json_text.h"
#include "mint.h"
#include "report.h"
#include "save.h"

static const struct thingpass_result stored = {.id = "ab-000001",
                                               .object_key = "cam1/photo/2026/11/23/ab-000001.jpg",
                                               .status = 200,
                                               .code = "",
                                               .size = 48211,
                                               .elapsed_ms = 213,
                                               .asks = 1,
                                               .puts = 1,
                                               .connects = 1,
                                               .reports = 1};

static struct thingpass_options plain(void) {
    return (struct thingpass_options){
        .name = "cam1", .root = "thingpass", .deadline_s = 9, .level = THINGPASS_SAY_NOTICE};
}

// Prints a report. Both texts are the caller's to free.
static void print(const struct thingpass_report *r, const struct thingpass_options *o, char **out,
                  char **err) {
    size_t size;
    FILE *to = open_memstream(out, &size);
    FILE *errors = open_memstream(err, &size);
    struct thingpass_say say = {errors, o->level};
    thingpass_report_print(r, o, &say, to);
    assert_int_equal(fclose(to), 0);
    assert_int_equal(fclose(errors), 0);
}

static void expect(const struct thingpass_report *r, const struct thingpass_options *o,
                   const char *out, const char *err) {
    char *got_out;
    char *got_err;
    print(r, o, &got_out, &got_err);
    assert_string_equal(got_out, out);
    assert_string_equal(got_err, err);
    free(got_out);
    free(got_err);
}

static void a_stored_photo_is_one_line(void **state) {
    (void)state;
    struct thingpass_options o = plain();
    struct thingpass_report r = {.number = 1, .name = "scene", .result = &stored};
    expect(&r, &o, "photo 1  48211 bytes  cam1/photo/2026/11/23/ab-000001.jpg  213 ms\n", "");
    struct thingpass_result retried = stored;
    retried.puts = 3;
    r.result = &retried;
    expect(&r, &o,
           "photo 1  48211 bytes  cam1/photo/2026/11/23/ab-000001.jpg  213 ms  (3 attempts)\n", "");
    o.level = THINGPASS_SAY_ERROR;
    expect(&r, &o, "", "");
}

static void a_stored_photo_is_one_json_object(void **state) {
    (void)state;
    struct thingpass_options o = plain();
    uint8_t sum[32];
    for (int i = 0; i < 32; i++) {
        sum[i] = (uint8_t)(i * 8);
    }
    struct thingpass_report r = {.number = 1, .name = "scene", .result = &stored, .sha256 = sum};
    o.json = true;
    o.level = THINGPASS_SAY_ERROR; // --quiet does not silence --json
    expect(&r, &o,
           "{\"n\":1,\"id\":\"ab-000001\",\"objectKey\":\"cam1/photo/2026/11/23/ab-000001.jpg\","
           "\"size\":48211,\"sha256\":"
           "\"0008101820283038404850586068707880889098a0a8b0b8c0c8d0d8e0e8f0f8\",\"ms\":213,"
           "\"result\":\"stored\",\"attempts\":1,\"asks\":1,\"connects\":1,\"reports\":1}\n",
           "");
}

static void a_failed_photo_is_an_error_even_when_quiet(void **state) {
    (void)state;
    struct thingpass_options o = plain();
    struct thingpass_result refused = {
        .err = THINGPASS_EREFUSED, .id = "ab-000002", .object_key = "", .code = "unknown-kind"};
    struct thingpass_report r = {
        .number = 2, .name = "a.jpg", .result = &refused, .why = "the broker \"refused\""};
    static const char line[] =
        "thingpass-thing: photo 2 (a.jpg) is not stored: the broker \"refused\"\n";
    expect(&r, &o, "", line);
    o.level = THINGPASS_SAY_ERROR;
    expect(&r, &o, "", line);
    o.json = true;
    expect(
        &r, &o,
        "{\"n\":2,\"id\":\"ab-000002\",\"objectKey\":\"\",\"size\":0,\"ms\":0,\"result\":"
        "\"failed\",\"attempts\":0,\"asks\":0,\"connects\":0,\"reports\":0,\"reason\":\"refused\","
        "\"status\":0,\"code\":\"unknown-kind\",\"error\":\"the broker \\\"refused\\\"\"}\n",
        line);
}

static void a_photo_that_could_not_be_taken_is_reported_too(void **state) {
    (void)state;
    struct thingpass_options o = plain();
    struct thingpass_report r = {
        .number = 3, .name = "b\n.jpg", .why = "skip b\n.jpg: it is empty"};
    o.json = true;
    expect(
        &r, &o,
        "{\"n\":3,\"result\":\"failed\",\"reason\":\"capture\",\"error\":\"skip b\\u000a.jpg: it "
        "is empty\"}\n",
        "thingpass-thing: photo 3 (b?.jpg) is not stored: skip b?.jpg: it is empty\n");
}

static void a_download_has_words_of_its_own(void **state) {
    (void)state;
    struct thingpass_options o = plain();
    struct thingpass_result fetched = stored;
    struct thingpass_report r = {.number = 1, .name = "x.bin", .result = &fetched};
    o.command = THINGPASS_COMMAND_DOWNLOAD;
    fetched.verified = THINGPASS_VERIFIED_SHA256;
    fetched.object_key = "firmware/cams/latest.bin";
    expect(&r, &o, "download 1  48211 bytes  firmware/cams/latest.bin  213 ms\n", "");
    fetched.verified = THINGPASS_VERIFIED_UNCHANGED;
    o.json = true;
    expect(&r, &o,
           "{\"n\":1,\"id\":\"ab-000001\",\"objectKey\":\"firmware/cams/latest.bin\",\"size\":"
           "48211,\"ms\":213,\"result\":\"unchanged\",\"attempts\":1,\"asks\":1,\"connects\":1,"
           "\"reports\":1}\n",
           "");
    fetched.verified = THINGPASS_VERIFIED_NOT;
    fetched.err = THINGPASS_ECORRUPT;
    r.why = "damaged";
    o.json = false;
    expect(&r, &o, "", "thingpass-thing: download 1 (x.bin) is not fetched: damaged\n");
}

static void json_text_is_always_valid(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"", "\"\""},
        {"a\"b\\c/\x01\x1f\x7f", "\"a\\\"b\\\\c/\\u0001\\u001f\\u007f\""},
        {"\xc3\xa4\xe2\x80\xa6\xf0\x9f\x98\x80", "\"\xc3\xa4\xe2\x80\xa6\xf0\x9f\x98\x80\""},
        {"\x80\xff", "\"\\ufffd\\ufffd\""},                       // no sequence starts so
        {"\xc0\xaf", "\"\\ufffd\\ufffd\""},                       // overlong
        {"\xe0\x80\x80", "\"\\ufffd\\ufffd\\ufffd\""},            // overlong
        {"\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\""},            // a surrogate
        {"\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\""}, // beyond U+10FFFF
        {"\xc3", "\"\\ufffd\""},                                  // cut off
        {"\xe2\x80", "\"\\ufffd\\ufffd\""},
        {"\xf0\x9f\x98", "\"\\ufffd\\ufffd\\ufffd\""},
        {"\xc3\x28", "\"\\ufffd(\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *text;
        size_t size;
        FILE *to = open_memstream(&text, &size);
        thingpass_print_json(to, cases[i][0]);
        assert_int_equal(fclose(to), 0);
        assert_string_equal(text, cases[i][1]);
        free(text);
    }
}

static void failures_come_with_what_to_look_at(void **state) {
    (void)state;
    static const struct {
        struct thingpass_result result;
        bool offline;
        const char *mqtt, *stream, *photo, *words;
    } cases[] = {
        {{.err = THINGPASS_EDEADLINE},
         true,
         "cannot reach it",
         "",
         "",
         "not done after 9 s: cannot reach it"},
        {{.err = THINGPASS_EDEADLINE},
         true,
         "",
         "",
         "",
         "not done after 9 s: no connection to the MQTT server"},
        {{.err = THINGPASS_EDEADLINE, .asks = 2},
         false,
         "",
         "",
         "",
         "no answer from the broker in 9 s, asked 2 times; is it running, and may cam1 publish to "
         "thingpass/cam1/upload-request?"},
        {{.err = THINGPASS_EDEADLINE, .code = "busy"},
         false,
         "",
         "",
         "",
         "not done after 9 s: the last answer was busy"},
        {{.err = THINGPASS_EDEADLINE, .object_key = "k", .connects = 3},
         false,
         "",
         "refused",
         "",
         "not done after 9 s: refused"},
        {{.err = THINGPASS_EDEADLINE, .object_key = "k", .puts = 1},
         false,
         "",
         "",
         "",
         "not done after 9 s: the link to S3 is too slow"},
        {{.err = THINGPASS_EDEADLINE, .object_key = "k", .reports = 1},
         false,
         "",
         "",
         "",
         "sent, but the broker did not confirm it in 9 s; is it still running?"},
        {{.err = THINGPASS_EREFUSED, .code = "size-not-allowed"},
         false,
         "",
         "",
         "",
         "the broker refused it: size-not-allowed; see the kind's smallest and largest size"},
        {{.err = THINGPASS_EREFUSED, .code = "new-code"},
         false,
         "",
         "",
         "",
         "the broker refused it: new-code; the broker's audit log has the reason"},
        {{.err = THINGPASS_EREJECTED, .status = 405, .code = "MethodNotAllowed"},
         false,
         "",
         "",
         "",
         "it can never succeed: S3 answered 405 MethodNotAllowed"},
        {{.err = THINGPASS_ERETRIES},
         false,
         "",
         "connection reset",
         "",
         "every attempt was used up: connection reset"},
        {{.err = THINGPASS_ERETRIES},
         false,
         "",
         "",
         "",
         "every attempt was used up: S3 did not answer"},
        {{.err = THINGPASS_ESPENT},
         false,
         "",
         "cut",
         "",
         "it broke off, and a one-pass photo cannot be sent twice: cut"},
        {{.err = THINGPASS_EMISMATCH, .object_key = "k"},
         false,
         "",
         "",
         "",
         "another object is stored as k"},
        {{.err = THINGPASS_ELENGTH}, false, "", "", "a.jpg was changed", "a.jpg was changed"},
    };
    struct thingpass_options o = plain();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct thingpass_result result = cases[i].result;
        struct thingpass_why why;
        result.object_key = result.object_key != NULL ? result.object_key : "";
        struct thingpass_failure f = {.result = &result,
                                      .options = &o,
                                      .mqtt_ready = !cases[i].offline,
                                      .mqtt = cases[i].mqtt,
                                      .stream = cases[i].stream,
                                      .photo = cases[i].photo};
        thingpass_failure_words(&f, &why);
        assert_string_equal(why.text, cases[i].words);
    }
}

// A folder for the tests below, with two things' certificates and keys.
struct folder {
    char path[64];
    char text[2048];
};

// Two identities: of cam1, and of cam2, which has expired.
static char cert[2][128];
static char key[2][128];

static void put(const char *path, const char *text) {
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static int setup(void **state) {
    struct folder *f = calloc(1, sizeof *f);
    struct mint ca;
    (void)snprintf(f->path, sizeof f->path, "/tmp/thingpass-test-XXXXXX");
    assert_non_null(mkdtemp(f->path));
    mint_ca(&ca, "test CA");
    for (int i = 0; i < 2; i++) {
        struct mint leaf;
        mint_leaf(&leaf, &ca,
                  &(struct mint_terms){.cn = i == 0 ? "cam1" : "cam2",
                                       .not_after = i == 0 ? NULL : "20210203000000"});
        (void)snprintf(cert[i], sizeof cert[i], "%s/%d.crt", f->path, i);
        (void)snprintf(key[i], sizeof key[i], "%s/%d.key", f->path, i);
        put(cert[i], leaf.pem);
        put(key[i], leaf.key_pem);
        mint_free(&leaf);
    }
    mint_free(&ca);
    *state = f;
    return 0;
}

static int teardown(void **state) {
    struct folder *f = *state;
    char command[96];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", f->path);
    int rc = system(command);
    free(f);
    return rc;
}

// Checks an identity; what it says in passing is in f->text.
static int check(struct folder *f, const char *cert_file, const char *key_file, const char *name,
                 struct thingpass_why *why) {
    memset(f->text, 0, sizeof f->text);
    FILE *to = fmemopen(f->text, sizeof f->text - 1, "w");
    struct thingpass_say say = {to, THINGPASS_SAY_NOTICE};
    int rc = thingpass_identity_check(cert_file, key_file, name, &say, why);
    (void)fclose(to);
    return rc;
}

static void an_identity_is_checked_before_it_is_used(void **state) {
    struct folder *f = *state;
    struct thingpass_why why;
    assert_int_equal(check(f, cert[0], key[0], "cam1", &why), THINGPASS_OK);
    assert_string_equal(f->text, "");
    assert_int_equal(check(f, cert[0], key[1], "cam1", &why), THINGPASS_EINVAL);
    assert_non_null(strstr(why.text, "1.key is not the key of "));
    assert_int_equal(check(f, "/nonexistent", key[0], "cam1", &why), THINGPASS_EINVAL);
    assert_string_equal(why.text, "open the certificate /nonexistent: No such file or directory");
    assert_int_equal(check(f, cert[0], "/nonexistent", "cam1", &why), THINGPASS_EINVAL);
    assert_string_equal(why.text, "open the key /nonexistent: No such file or directory");
    assert_int_equal(check(f, key[0], key[0], "cam1", &why), THINGPASS_EINVAL);
    assert_non_null(strstr(why.text, "it must be a PEM file"));
}

static void a_doubtful_identity_is_noted_and_used(void **state) {
    struct folder *f = *state;
    struct thingpass_why why;
    assert_int_equal(check(f, cert[1], key[1], "cam1", &why), THINGPASS_OK);
    assert_non_null(strstr(f->text, "1.crt is the certificate of \"cam2\", not of cam1"));
    assert_non_null(strstr(f->text, "1.crt expired on 2021-02-03: renew it"));
}

static void a_saved_photo_is_the_photo(void **state) {
    struct folder *f = *state;
    char path[128];
    struct thingpass_camera camera;
    struct thingpass_photo photo;
    struct thingpass_why why;
    static char jpeg[10001];
    memset(jpeg, 'x', 10000);
    memcpy(jpeg, "\xff\xd8", 2);
    memcpy(jpeg + 9998, "\xff\xd9", 2);
    (void)snprintf(path, sizeof path, "%s/a.jpg", f->path);
    put(path, jpeg);
    (void)snprintf(path, sizeof path, "%s/out", f->path);
    assert_int_equal(thingpass_camera_folder(&camera, f->path, false, NULL), THINGPASS_OK);
    assert_int_equal(camera.capture(camera.ctx, 1, &photo), THINGPASS_CAPTURED);
    assert_int_equal(thingpass_save_photo(path, "id-1", &photo, &why), THINGPASS_EIO); // no folder
    assert_int_equal(thingpass_save_folder(path, &why), THINGPASS_OK);
    assert_int_equal(thingpass_save_folder(path, &why), THINGPASS_OK);
    assert_int_equal(thingpass_save_photo(path, "id-1", &photo, &why), THINGPASS_OK);
    (void)snprintf(path, sizeof path, "%s/out/id-1.jpg", f->path);
    static char back[10002];
    FILE *in = fopen(path, "rb");
    assert_non_null(in);
    assert_int_equal(fread(back, 1, sizeof back, in), 10000);
    (void)fclose(in);
    assert_memory_equal(back, jpeg, 10000);
    // and the camera's photo stands at its beginning again
    assert_int_equal(photo.source.read(photo.source.ctx, back, 2), 2);
    assert_memory_equal(back, "\xff\xd8", 2);
    camera.close(camera.ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stored_photo_is_one_line),
        cmocka_unit_test(a_stored_photo_is_one_json_object),
        cmocka_unit_test(a_failed_photo_is_an_error_even_when_quiet),
        cmocka_unit_test(a_photo_that_could_not_be_taken_is_reported_too),
        cmocka_unit_test(a_download_has_words_of_its_own),
        cmocka_unit_test(json_text_is_always_valid),
        cmocka_unit_test(failures_come_with_what_to_look_at),
        cmocka_unit_test_setup_teardown(an_identity_is_checked_before_it_is_used, setup, teardown),
        cmocka_unit_test_setup_teardown(a_doubtful_identity_is_noted_and_used, setup, teardown),
        cmocka_unit_test_setup_teardown(a_saved_photo_is_the_photo, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
