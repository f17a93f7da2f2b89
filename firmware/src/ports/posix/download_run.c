// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if !defined(ESP_PLATFORM)

#include "download_run.h"

#include <stdio.h>
#include <string.h>

#include <mbedtls/sha256.h>

#include "file_sink.h"
#include "json_text.h"
#include "virtual_thing_loop.h"

// Hashes a file. Returns whether there is one.
static bool hash_file(const char *path, uint8_t sum[32]) {
    uint8_t chunk[4096];
    mbedtls_sha256_context state;
    FILE *f = fopen(path, "rbe");
    if (f == NULL) {
        return false;
    }
    mbedtls_sha256_init(&state);
    bool ok = mbedtls_sha256_starts_ret(&state, 0) == 0;
    for (size_t n; ok && (n = fread(chunk, 1, sizeof chunk, f)) > 0;) {
        ok = mbedtls_sha256_update_ret(&state, chunk, n) == 0;
    }
    ok = ok && !ferror(f) && mbedtls_sha256_finish_ret(&state, sum) == 0;
    mbedtls_sha256_free(&state);
    (void)fclose(f);
    return ok;
}

static const char *word(const struct thingpass_result *r) {
    if (r->err != THINGPASS_OK) {
        return "failed";
    }
    return r->verified == THINGPASS_VERIFIED_UNCHANGED ? "unchanged" : "fetched";
}

static void print(const struct thingpass_virtual_thing *t, const struct thingpass_result *r) {
    static const char *const verified[] = {[THINGPASS_VERIFIED_NOT] = "not",
                                           [THINGPASS_VERIFIED_UNCHANGED] = "unchanged",
                                           [THINGPASS_VERIFIED_SIZE] = "size",
                                           [THINGPASS_VERIFIED_SHA256] = "sha256"};
    if (!t->options->json) {
        if (r->err == THINGPASS_OK && t->say.most != THINGPASS_SAY_ERROR) {
            (void)fprintf(stdout, "%s  %llu bytes  ", t->options->to, (unsigned long long)r->size);
            thingpass_print_clean(stdout, r->object_key);
            (void)fprintf(stdout, "  %s\n", word(r));
        }
        return;
    }
    (void)fputs("{\"objectKey\":", stdout);
    thingpass_print_json(stdout, r->object_key);
    (void)fprintf(stdout, ",\"size\":%llu,\"ms\":%llu,\"result\":\"%s\",\"verified\":\"%s\"",
                  (unsigned long long)r->size, (unsigned long long)r->elapsed_ms, word(r),
                  verified[r->verified]);
    (void)fprintf(stdout,
                  ",\"attempts\":%u,\"asks\":%u,\"connects\":%u,\"status\":%d,\"code\":", r->puts,
                  r->asks, r->connects, r->status);
    thingpass_print_json(stdout, r->code);
    (void)fputs("}\n", stdout);
}

static void report(struct thingpass_virtual_thing *t, const struct thingpass_file_sink *sink) {
    const struct thingpass_result *r = thingpass_result(&t->core);
    print(t, r);
    (void)fflush(stdout);
    if (r->err != THINGPASS_OK) {
        struct thingpass_why why = {""};
        thingpass_why_failed(t, r, &why);
        thingpass_say(&t->say, THINGPASS_SAY_ERROR, "%s is not fetched: %s%s%s", t->options->to,
                      why.text, sink->why.text[0] != '\0' ? "; " : "", sink->why.text);
    }
}

bool thingpass_download_run(struct thingpass_virtual_thing *thing) {
    static struct thingpass_file_sink sink;
    const struct thingpass_options *o = thing->options;
    uint8_t sum[32];
    if (thingpass_file_sink_open(&sink, o->to) != THINGPASS_OK) {
        thingpass_say(&thing->say, THINGPASS_SAY_ERROR, "--to %s: the path is too long", o->to);
        return false;
    }
    struct thingpass_download download = {.kind = o->kind,
                                          .name = o->file_count > 0 ? o->files[0] : NULL,
                                          .group = o->group,
                                          .have_sha256 = hash_file(o->to, sum) ? sum : NULL,
                                          .from = sink.from,
                                          .from_version = sink.version,
                                          .sink = &sink.sink,
                                          .deadline_ms = o->deadline_s * 1000};
    int rc = thingpass_download_start(&thing->core, &download);
    if (rc != THINGPASS_OK) {
        thingpass_say(&thing->say, THINGPASS_SAY_ERROR, "start the download: %s",
                      thingpass_strerror(rc));
        return false;
    }
    thingpass_drive(thing);
    report(thing, &sink);
    bool ok = thingpass_result(&thing->core)->err == THINGPASS_OK;
    thingpass_file_sink_close(&sink);
    thingpass_cancel(&thing->core);
    return ok;
}

#endif
