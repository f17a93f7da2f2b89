// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if !defined(ESP_PLATFORM)

#include "downloader.h"

#include <stdio.h>

#include "file_sink.h"
#include "virtual_thing_loop.h"

// The SHA-256 of the file that is to be replaced; false if there is none.
static bool hash_file(struct thingpass_virtual_thing *t, const char *path, uint8_t sum[32]) {
    const struct thingpass_sha256 *sha = &t->sha256.port;
    uint8_t bytes[4096];
    size_t n;
    FILE *in = fopen(path, "rbe");
    bool ok = in != NULL && sha->init(sha->ctx) == THINGPASS_OK;
    while (ok && (n = fread(bytes, 1, sizeof bytes, in)) > 0) {
        ok = sha->update(sha->ctx, bytes, n) == THINGPASS_OK;
    }
    ok = ok && ferror(in) == 0 && sha->final(sha->ctx, sum) == THINGPASS_OK;
    if (in != NULL) {
        (void)fclose(in);
    }
    t->sha256.finished = false;
    return ok;
}

static int fetch(struct thingpass_virtual_thing *t, struct thingpass_file_sink *file,
                 struct thingpass_why *why) {
    const struct thingpass_options *o = t->options;
    uint8_t sum[32];
    char version[sizeof file->version]; // the file's own changes meanwhile
    if (thingpass_file_sink_open(file, o->to) != THINGPASS_OK) {
        *why = file->why;
        return THINGPASS_EINVAL;
    }
    (void)snprintf(version, sizeof version, "%s", file->version);
    const struct thingpass_download job = {.kind = o->kind,
                                           .name = o->file_count > 0 ? o->files[0] : NULL,
                                           .group = o->group,
                                           .object_key = o->object_key,
                                           .have_sha256 = hash_file(t, o->to, sum) ? sum : NULL,
                                           .from = file->from,
                                           .from_version = version,
                                           .sink = &file->sink,
                                           .max_size = o->max_size,
                                           .deadline_ms = o->deadline_s * 1000};
    int rc = thingpass_download_start(&t->core, &job);
    if (rc < 0) {
        return thingpass_fail(why, rc, "start the download: %s", thingpass_strerror(rc));
    }
    thingpass_drive(t);
    t->photo.why = file->why;
    return THINGPASS_OK;
}

bool thingpass_downloader_run(struct thingpass_virtual_thing *thing) {
    static struct thingpass_file_sink file;
    const struct thingpass_result *result = thingpass_result(&thing->core);
    struct thingpass_why why = {""};
    thing->photo.name = thing->options->to;
    if (fetch(thing, &file, &why) != THINGPASS_OK) {
        thingpass_report(thing, 1, NULL, why.text);
        return false;
    }
    if (result->err != THINGPASS_OK) {
        thingpass_why_failed(thing, result, &why);
    }
    thingpass_report(thing, 1, result, result->err != THINGPASS_OK ? why.text : NULL);
    thingpass_cancel(&thing->core); // closes the connection to S3 in good order
    return thing->failed == 0;
}

#endif
