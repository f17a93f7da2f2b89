// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "http_request.h"
#include "mode.h"
#include "upload.h"
#include "url.h"

int thingpass_grant_url(struct thingpass *tp, struct thingpass_span text) {
    struct thingpass_grant *g = &tp->upload.grant;
    struct thingpass_url url;
    int err = thingpass_url_parse(&url, text, tp->config.allow_plain_http);
    g->tls = url.tls;
    g->port = url.port;
    g->host = url.host;
    g->target = url.target;
    return err;
}

uint64_t thingpass_grant_until_ms(const struct thingpass *tp, int64_t expires_at, int64_t time) {
    enum { longest_s = 7 * 86400 };
    int64_t valid_s = expires_at - time; // both are moments after 2020
    return thingpass_clock_ms(tp) + 1000U * (uint32_t)(valid_s < longest_s ? valid_s : longest_s);
}

size_t thingpass_grant_head(struct thingpass *tp, const char *method, int64_t length, char *buf,
                            size_t cap) {
    struct thingpass_upload *u = &tp->upload;
    const struct thingpass_grant *g = &u->grant;
    const struct thingpass_http_request request = {method, g->target,  g->host, g->port,
                                                   g->tls, g->headers, length};
    size_t n = thingpass_http_put_head(&request, u->head_sent, buf, cap);
    u->head_sent += n;
    return n;
}
