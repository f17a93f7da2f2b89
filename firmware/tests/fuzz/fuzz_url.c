// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Any bytes as a URL. What must hold: a URL that is taken is put together again
// from its parts, byte for byte.

#include <stdlib.h>
#include <string.h>

#include "url.h"

static void require(bool ok) {
    if (!ok) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct thingpass_url url;
    char *text = malloc(size > 0 ? size : 1);
    char *again = malloc(size + 32);
    require(text != NULL && again != NULL);
    memcpy(text, data, size);
    struct thingpass_span s = {text, size};
    if (thingpass_url_parse(&url, s, true) == THINGPASS_OK) {
        struct thingpass_writer w = {again, size + 32, 0};
        thingpass_put_text(&w, url.tls ? "https://" : "http://");
        thingpass_put(&w, url.host);
        if (url.target.p > url.host.p + url.host.n) { // a port was named
            thingpass_put_text(&w, ":");
            thingpass_put_u64(&w, url.port);
        } else {
            require(url.port == (url.tls ? 443 : 80));
        }
        thingpass_put(&w, url.target);
        require(w.len == size && memcmp(again, text, size) == 0);
    }
    free(text);
    free(again);
    return 0;
}
