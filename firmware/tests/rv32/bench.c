// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Instructions and stack of the core on rv32imc. Prints lines "NAME NUMBER", which
// tests/rv32/check holds against tests/rv32/budgets: a new line there is all that
// a new budget takes.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loop.h"
#include "machine.h"
#include "sigv4.h"
#include "thingpass/credentials.h"
#include "thingpass/motion.h"
#include "wire_names.h"

// What S3 answers, as long as it does.
#define S3_HEAD                                                                                    \
    "x-amz-id-2: 3pLAGTfu1hTzDDkUEiPbhsqWVUaGkTP6mRwTkQ9kmzuqzkLAUSJxDM0q5DJmXbSMuT5GpDGzPA8=\r\n" \
    "x-amz-request-id: 4B5D2YKQ8N1XW7ZA\r\nDate: Mon, 23 Nov 2026 09:00:01 GMT\r\n"                \
    "x-amz-server-side-encryption: AES256\r\nETag: \"9e107d9d372bb6826bd81d3542a419d6\"\r\n"       \
    "x-amz-checksum-sha256: n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=\r\n"                      \
    "x-amz-checksum-type: FULL_OBJECT\r\nServer: AmazonS3\r\nContent-Length: 0\r\n\r\n"
static const char stored[] = "HTTP/1.1 200 OK\r\n" S3_HEAD;
static const char posted[] = "HTTP/1.1 204 No Content\r\n" S3_HEAD;

static const char no_more_parts[] =
    "{\"id\":\"\",\"status\":\"success\",\"time\":1795424400,\"mode\":\"multipart\","
    "\"objectKey\":\"cam1/clip/2026/11/23/take-2.mp4\","
    "\"uploadId\":\"VXBsb2FkIElEIGZvciBjYW0xIHRha2UtMg.EXAMPLE-\",\"checksum\":\"crc32\","
    "\"partSize\":5242,\"partCount\":3,\"stored\":\"1-3\",\"parts\":[]}";

// Uploads, each with the reply of a wire vector.
static const struct {
    const char *name;
    const char *vector;
    const struct thingpass_mode *mode;
    size_t size;
    const char *answer;
    const char *later; // the reply to the second question, if there is one
} uploads[] = {
    {"put-one", "put-one", &thingpass_mode_put, 30720, stored, NULL},
    {"put-token", "put-token", &thingpass_mode_put, 30720, stored, NULL},
    {"pass-token", "pass-token", &thingpass_mode_pass, 30720, posted, NULL},
    {"parts-token", "multipart-token", &thingpass_mode_multipart, 12581, stored, no_more_parts},
    {"credentials", "credentials-session", &thingpass_mode_credentials, 30720, stored, NULL},
};

static struct loop loop;

static void say(const char *kind, const char *what, const char *call, uint32_t number) {
    printf("%s.%s.%s %lu\n", kind, what, call, (unsigned long)number);
}

static void fail(const char *what, int err) {
    printf("FAILED %s: %s\n", what, thingpass_strerror(err));
    exit(1);
}

// Other numbers in the vector for parts: 5 MB of them would be the same work for
// too long. The text stays as long as it was.
static void shrink(char *text) {
    static const char *const rows[][2] = {{"5242880", "   5242"}, {"2097152", "   2097"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (char *at = strstr(text, rows[i][0]); at != NULL; at = strstr(at, rows[i][0])) {
            memcpy(at, rows[i][1], strlen(rows[i][1]));
        }
    }
}

static char *vector(const char *name) {
    static char text[loop_message];
    char path[300];
    snprintf(path, sizeof path, "%s/%s.reply.json", WIRE_FOLDER, name);
    FILE *in = fopen(path, "rb");
    size_t n = in == NULL ? 0 : fread(text, 1, sizeof text - 1, in);
    if (n == 0 || n == sizeof text - 1) {
        printf("FAILED cannot read %s\n", path);
        exit(1);
    }
    fclose(in);
    text[n] = '\0';
    shrink(text);
    return text;
}

static uint32_t say_all(const char *name) {
    uint32_t all = 0;
    for (size_t i = 0; i < loop_tallies && loop.tally[i].call != NULL; i++) {
        const struct loop_tally *t = &loop.tally[i];
        say("insns", name, t->call, t->insns);
        say("stack", name, t->call, t->stack);
        all += t->insns;
    }
    say("insns", name, "all", all);
    return all;
}

// Another object, where leave is at hand: no question, no reply.
static void measure_next(const char *name) {
    memset(loop.tally, 0, sizeof loop.tally);
    int err = loop_run(&loop);
    if (err < 0 || loop_tally_of(&loop, "reply")->call[0] != '\0') {
        fail(name, err);
    }
    (void)say_all(name);
}

static void measure_uploads(void) {
    for (size_t i = 0; i < sizeof uploads / sizeof *uploads; i++) {
        loop_init(&loop, uploads[i].size);
        loop.grant = vector(uploads[i].vector);
        loop.later = uploads[i].later;
        loop.answer = uploads[i].answer;
        loop.object.mode = uploads[i].mode;
        loop_begin(&loop);
        int err = loop_run(&loop);
        if (err < 0) {
            fail(uploads[i].name, err);
        }
        uint32_t all = say_all(uploads[i].name);
        say("insns", uploads[i].name, "per-kb", (uint32_t)((uint64_t)all * 1024 / uploads[i].size));
        say("port", uploads[i].name, "all", (uint32_t)loop.inside);
        if (uploads[i].mode == &thingpass_mode_pass) {
            measure_next("pass-next");
        } else if (uploads[i].mode == &thingpass_mode_credentials) {
            measure_next("credentials-next");
        }
    }
}

static char token[1201];

// As the mode credentials sends them.
static void tell_headers(const void *ctx, struct thingpass_sigv4_walk *walk) {
    static const char *const rows[][2] = {
        {"content-type", "image/jpeg"},
        {"host", "photos.s3.eu-central-1.amazonaws.com"},
        {"if-none-match", "*"},
        {"x-amz-checksum-sha256", "n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg="},
        {"x-amz-content-sha256", "UNSIGNED-PAYLOAD"},
        {"x-amz-date", "20261123T090000Z"},
        {"x-amz-meta-captured-at", "1795424400"},
        {"x-amz-security-token", token},
    };
    (void)ctx;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        thingpass_sigv4_name(walk, rows[i][0], "");
        thingpass_sigv4_value(walk, thingpass_span_of(rows[i][1]));
    }
}

// Signing a PUT with a session token of 1,200 characters and the day's key, and
// writing its head.
static void measure_sigv4(void) {
    struct thingpass_sigv4_signer signer = {
        thingpass_span_of("ASIAIOSFODNN7EXAMPLE"),
        thingpass_span_of("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLE"),
        thingpass_span_of("eu-central-1")};
    struct thingpass_sigv4_request request = {
        .method = "PUT",
        .key = thingpass_span_of("cam1/photo/2026/11/23/b7Kq-000017.jpg"),
        .payload = thingpass_span_of("UNSIGNED-PAYLOAD"),
        .length = 30720,
        .headers = tell_headers};
    uint8_t key[32];
    uint8_t signature[32];
    char head[4096];
    memset(token, 'T', sizeof token - 1);
    loop_init(&loop, 0);
    uint64_t t0 = machine_instructions();
    int err = thingpass_sigv4_day_key(&loop.sha256, &signer, 1795424400, key);
    uint64_t t1 = machine_instructions();
    uint64_t key_inside = loop.inside;
    err = err < 0
              ? err
              : thingpass_sigv4_sign(&loop.sha256, key, &signer, &request, 1795424400, signature);
    uint64_t t2 = machine_instructions();
    size_t n = thingpass_sigv4_head(&signer, &request, 1795424400, signature, 0, head, sizeof head);
    uint64_t t3 = machine_instructions();
    if (err < 0 || n < sizeof token) {
        fail("sigv4", err);
    }
    say("insns", "sigv4", "day-key", (uint32_t)(t1 - t0 - key_inside));
    say("insns", "sigv4", "sign", (uint32_t)(t2 - t1 - (loop.inside - key_inside)));
    say("insns", "sigv4", "head", (uint32_t)(t3 - t2));
    say("insns", "sigv4", "request", (uint32_t)(t3 - t1 - (loop.inside - key_inside)));
    say("port", "sigv4", "sign", (uint32_t)(loop.inside - key_inside));
}

enum { motion_width = 200, motion_height = 150 };

static struct thingpass_motion motion;
static uint64_t motion_insns;

// A frame of noise, as a decoder gives UXGA at 1/8 of its size.
static void judge_frame(void *arg) {
    uint32_t *noise = arg;
    uint8_t luma[motion_width];
    uint64_t begun = machine_instructions();
    uint64_t making = 0;
    int said = thingpass_motion_begin(&motion, motion_width, motion_height);
    for (int y = 0; said >= 0 && y < motion_height; y++) {
        uint64_t t = machine_instructions();
        for (int x = 0; x < motion_width; x++) {
            *noise = *noise * 1664525 + 1013904223;
            luma[x] = (uint8_t)(x + y / 2 + (int)(*noise >> 29));
        }
        making += machine_instructions() - t;
        said = thingpass_motion_row(&motion, luma);
    }
    said = said < 0 ? said : thingpass_motion_end(&motion, 100000);
    motion_insns = machine_instructions() - begun - making;
    if (said < 0) {
        fail("motion", said);
    }
}

static void measure_motion(void) {
    uint32_t noise = 1;
    uint32_t stack = 0;
    (void)thingpass_motion_init(&motion, NULL);
    for (int i = 0; i < 12; i++) {
        stack = machine_stack_of(judge_frame, &noise);
    }
    say("insns", "motion", "frame", (uint32_t)motion_insns);
    say("stack", "motion", "frame", stack);
}

int main(void) {
    measure_uploads();
    measure_sigv4();
    measure_motion();
    return 0;
}
