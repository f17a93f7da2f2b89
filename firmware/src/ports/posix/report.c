// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if !defined(ESP_PLATFORM)

#include "report.h"

#include "json_text.h"

// One word for each way in which an upload ends, for programs.
static const char *reason(int err) {
    switch (err) {
    case THINGPASS_EREFUSED:
        return "refused";
    case THINGPASS_EREJECTED:
        return "rejected";
    case THINGPASS_EMISMATCH:
        return "mismatch";
    case THINGPASS_EDEADLINE:
        return "deadline";
    case THINGPASS_ERETRIES:
        return "retries";
    case THINGPASS_ESPENT:
        return "spent";
    case THINGPASS_ESOURCE:
    case THINGPASS_ELENGTH:
        return "source";
    case THINGPASS_ECORRUPT:
        return "corrupt";
    case THINGPASS_ECANCELLED:
        return "cancelled";
    case THINGPASS_EREPLY:
    case THINGPASS_EURL:
    case THINGPASS_EHEADER:
    case THINGPASS_ESPACE:
        return "reply";
    default:
        return "error";
    }
}

static void print_text(FILE *out, const char *field, const char *text) {
    (void)fprintf(out, ",\"%s\":", field);
    thingpass_print_json(out, text);
}

static void print_sha256(FILE *out, const uint8_t *sum) {
    (void)fputs(",\"sha256\":\"", out);
    for (int i = 0; i < 32; i++) {
        (void)fprintf(out, "%02x", sum[i]);
    }
    (void)fputc('"', out);
}

static void print_result(FILE *out, const struct thingpass_report *r) {
    const struct thingpass_result *u = r->result;
    print_text(out, "id", u->id);
    print_text(out, "objectKey", u->object_key);
    (void)fprintf(out, ",\"size\":%llu", (unsigned long long)u->size);
    if (r->sha256 != NULL) {
        print_sha256(out, r->sha256);
    }
    (void)fprintf(out, ",\"ms\":%llu", (unsigned long long)u->elapsed_ms);
}

static const char *outcome(const struct thingpass_report *r) {
    static const char *const words[] = {[THINGPASS_VERIFIED_NOT] = "stored",
                                        [THINGPASS_VERIFIED_UNCHANGED] = "unchanged",
                                        [THINGPASS_VERIFIED_SIZE] = "fetched",
                                        [THINGPASS_VERIFIED_SHA256] = "fetched"};
    return r->why != NULL ? "failed" : words[r->result->verified];
}

static void print_json(FILE *out, const struct thingpass_report *r) {
    const struct thingpass_result *u = r->result;
    (void)fprintf(out, "{\"n\":%llu", (unsigned long long)r->number);
    if (u != NULL) {
        print_result(out, r);
    }
    (void)fprintf(out, ",\"result\":\"%s\"", outcome(r));
    if (u != NULL) {
        (void)fprintf(out, ",\"attempts\":%u,\"asks\":%u,\"connects\":%u,\"reports\":%u", u->puts,
                      u->asks, u->connects, u->reports);
    }
    if (r->why != NULL) {
        (void)fprintf(out, ",\"reason\":\"%s\"", u != NULL ? reason(u->err) : "capture");
        if (u != NULL) {
            (void)fprintf(out, ",\"status\":%d", u->status);
            print_text(out, "code", u->code);
        }
        print_text(out, "error", r->why);
    }
    (void)fputs("}\n", out);
}

struct who {
    char text[32];
};

// "photo 3", or "photo" of an earlier run.
static struct who who(const struct thingpass_report *r, const struct thingpass_options *o) {
    struct who w;
    static const char *const nouns[] = {[THINGPASS_COMMAND_CAMERA] = "photo",
                                        [THINGPASS_COMMAND_UPLOAD] = "file",
                                        [THINGPASS_COMMAND_DRAIN] = "photo",
                                        [THINGPASS_COMMAND_DOWNLOAD] = "download"};
    const char *noun = nouns[o->command];
    if (r->number > 0) {
        (void)snprintf(w.text, sizeof w.text, "%s %llu", noun, (unsigned long long)r->number);
    } else {
        (void)snprintf(w.text, sizeof w.text, "%s", noun);
    }
    return w;
}

static void print_line(FILE *out, const char *name, const struct thingpass_report *r) {
    const struct thingpass_result *u = r->result;
    (void)fprintf(out, "%s  %llu bytes  ", name, (unsigned long long)u->size);
    thingpass_print_clean(out, u->object_key);
    (void)fprintf(out, "  %llu ms", (unsigned long long)u->elapsed_ms);
    if (u->puts > 1) {
        (void)fprintf(out, "  (%u attempts)", u->puts);
    }
    if (u->verified == THINGPASS_VERIFIED_UNCHANGED) {
        (void)fputs("  unchanged", out);
    }
    (void)fputc('\n', out);
}

void thingpass_report_print(const struct thingpass_report *report,
                            const struct thingpass_options *options,
                            const struct thingpass_say *say, FILE *out) {
    struct who w = who(report, options);
    if (report->why != NULL) {
        const char *what = options->command == THINGPASS_COMMAND_DOWNLOAD ? "fetched" : "stored";
        thingpass_say(say, THINGPASS_SAY_ERROR, "%s (%s) is not %s: %s", w.text, report->name, what,
                      report->why);
    }
    if (options->json) {
        print_json(out, report);
    } else if (report->why == NULL && options->level != THINGPASS_SAY_ERROR) {
        print_line(out, w.text, report);
    }
    (void)fflush(out);
}

#endif
