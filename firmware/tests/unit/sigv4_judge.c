// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "sigv4_judge.h"

#include <stdio.h>
#include <string.h>

#include "sha256.h"

struct judged {
    char method[16], path[4000], query[1000];
    char names[60][64], values[60][9000];
    size_t count;
    char key_id[200], day[16], region[80], signed_names[1200], signature[80];
};

static void sha(const void *a, size_t an, const void *b, size_t bn, uint8_t sum[32]) {
    struct sha256_state state = {0};
    const struct thingpass_sha256 port = sha256_port(&state);
    port.init(port.ctx);
    port.update(port.ctx, a, an);
    port.update(port.ctx, b, bn);
    port.final(port.ctx, sum);
}

static void hmac(const void *key, size_t n, const char *text, uint8_t mac[32]) {
    uint8_t inner[64] = {0};
    uint8_t outer[64];
    uint8_t sum[32];
    if (n > 64) {
        sha(key, n, "", 0, inner);
    } else {
        memcpy(inner, key, n);
    }
    for (size_t i = 0; i < 64; i++) {
        outer[i] = inner[i] ^ 0x5c;
        inner[i] ^= 0x36;
    }
    sha(inner, 64, text, strlen(text), sum);
    sha(outer, 64, sum, 32, mac);
}

static void hex(const uint8_t sum[32], char out[65]) {
    for (size_t i = 0; i < 32; i++) {
        snprintf(out + 2 * i, 3, "%02x", sum[i]);
    }
}

static const char *value_of(const struct judged *j, const char *name) {
    for (size_t i = 0; i < j->count; i++) {
        if (strcmp(j->names[i], name) == 0) {
            return j->values[i];
        }
    }
    return NULL;
}

static const char *read_head(struct judged *j, const char *head) {
    char target[5000];
    int used = 0;
    if (sscanf(head, "%15s %4999s HTTP/1.1\r\n%n", j->method, target, &used) != 2 || used == 0) {
        return "the request line";
    }
    char *query = strchr(target, '?');
    snprintf(j->query, sizeof j->query, "%s", query != NULL ? query + 1 : "");
    snprintf(j->path, sizeof j->path, "%.*s",
             (int)(query != NULL ? query - target : (long)strlen(target)), target);
    for (head += used; strncmp(head, "\r\n", 2) != 0; j->count++) {
        const char *end = strstr(head, "\r\n");
        const char *colon = strchr(head, ':');
        if (end == NULL || colon == NULL || colon > end || colon[1] != ' ' || j->count == 60) {
            return "a header";
        }
        for (const char *p = head; p < colon; p++) {
            char c = *p;
            j->names[j->count][p - head] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
        }
        j->names[j->count][colon - head] = '\0';
        snprintf(j->values[j->count], sizeof j->values[0], "%.*s", (int)(end - colon - 2),
                 colon + 2);
        for (size_t i = 0; i < j->count; i++) {
            if (strcmp(j->names[i], j->names[j->count]) == 0) {
                return "a header that is there twice";
            }
        }
        head = end + 2;
    }
    return NULL;
}

static const char *read_authorization(struct judged *j) {
    const char *text = value_of(j, "authorization");
    int used = 0;
    if (text == NULL ||
        sscanf(text,
               "AWS4-HMAC-SHA256 Credential=%199[^/]/%15[0-9]/%79[^/]/s3/aws4_request,"
               "SignedHeaders=%1199[^,],Signature=%79[0-9a-f]%n",
               j->key_id, j->day, j->region, j->signed_names, j->signature, &used) != 5 ||
        text[used] != '\0') {
        return "the authorization";
    }
    const char *date = value_of(j, "x-amz-date");
    if (date == NULL || strlen(date) != 16 || strncmp(date, j->day, 8) != 0) {
        return "the date";
    }
    return NULL;
}

// Whether ";name;" stands among the signed ones.
static int is_signed(const struct judged *j, const char *name) {
    char all[1300];
    char one[80];
    snprintf(all, sizeof all, ";%s;", j->signed_names);
    snprintf(one, sizeof one, ";%s;", name);
    return strstr(all, one) != NULL;
}

static const char *check_names(const struct judged *j) {
    for (size_t i = 0; i < j->count; i++) {
        const char *n = j->names[i];
        int must = strncmp(n, "x-amz-", 6) == 0 || strcmp(n, "host") == 0 ||
                   strcmp(n, "content-type") == 0 || strcmp(n, "if-none-match") == 0;
        if (must && !is_signed(j, n)) {
            return "a header that is not signed";
        }
    }
    return NULL;
}

static const char *canonical(const struct judged *j, char *out, size_t cap) {
    char names[1200];
    char last[64] = "";
    int n = snprintf(out, cap, "%s\n%s\n%s\n", j->method, j->path, j->query);
    snprintf(names, sizeof names, "%s", j->signed_names);
    for (char *name = strtok(names, ";"); name != NULL; name = strtok(NULL, ";")) {
        const char *value = value_of(j, name);
        if (value == NULL || strcmp(name, last) <= 0) {
            return "the order of the signed headers";
        }
        snprintf(last, sizeof last, "%s", name);
        n += snprintf(out + n, cap - (size_t)n, "%s:%s\n", name, value);
    }
    const char *payload = value_of(j, "x-amz-content-sha256");
    snprintf(out + n, cap - (size_t)n, "\n%s\n%s", j->signed_names, payload != NULL ? payload : "");
    return payload != NULL ? NULL : "x-amz-content-sha256";
}

const char *sigv4_judge(const char *head, const char *secret) {
    static struct judged j;
    static char text[20000];
    memset(&j, 0, sizeof j);
    const char *flaw = read_head(&j, head);
    flaw = flaw != NULL ? flaw : read_authorization(&j);
    flaw = flaw != NULL ? flaw : check_names(&j);
    flaw = flaw != NULL ? flaw : canonical(&j, text, sizeof text);
    if (flaw != NULL) {
        return flaw;
    }
    uint8_t sum[32];
    char digits[65];
    sha(text, strlen(text), "", 0, sum);
    hex(sum, digits);
    char to_sign[400];
    snprintf(to_sign, sizeof to_sign, "AWS4-HMAC-SHA256\n%s\n%s/%s/s3/aws4_request\n%s",
             value_of(&j, "x-amz-date"), j.day, j.region, digits);
    char key[300];
    snprintf(key, sizeof key, "AWS4%s", secret);
    hmac(key, strlen(key), j.day, sum);
    hmac(sum, 32, j.region, sum);
    hmac(sum, 32, "s3", sum);
    hmac(sum, 32, "aws4_request", sum);
    hmac(sum, 32, to_sign, sum);
    hex(sum, digits);
    return strcmp(digits, j.signature) == 0 ? NULL : "the signature";
}
