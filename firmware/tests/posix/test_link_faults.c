// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// The bad link, in front of a TLS stream whose functions are replaced.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <string.h>

#include "link_faults.h"
#include "posix_world.h"

struct record {
    uint64_t taken;
    size_t last_length; // of a write that was turned away, to be repeated
    int refusals;       // so many writes are turned away first
    int closes;
};

static int take(void *ctx, const void *data, size_t length) {
    struct record *r = ctx;
    (void)data;
    if (r->last_length != 0) {
        assert_int_equal(length, r->last_length); // mbedTLS wants the same again
    }
    if (r->refusals > 0) {
        r->refusals--;
        r->last_length = length;
        return THINGPASS_EAGAIN;
    }
    r->last_length = 0;
    r->taken += length;
    return (int)length;
}

static void count_close(void *ctx) {
    struct record *r = ctx;
    r->closes++;
}

struct link {
    struct record record;
    struct thingpass_tls_stream stream;
    struct thingpass_link_faults faults;
};

static void begin(struct link *l, uint64_t rate, uint64_t cut_after, unsigned cuts) {
    static const struct thingpass_tls_trust nobody;
    memset(l, 0, sizeof *l);
    thingpass_tls_stream_init(&l->stream, &nobody);
    l->stream.port.ctx = &l->record;
    l->stream.port.write = take;
    l->stream.port.close = count_close;
    thingpass_link_faults_init(&l->faults, &l->stream, rate, cut_after, cuts);
}

static int write_chunk(struct link *l, size_t length) {
    static const uint8_t chunk[4096];
    return l->faults.port.write(l->faults.port.ctx, chunk, length);
}

static void without_faults_everything_passes(void **state) {
    (void)state;
    struct link l;
    begin(&l, 0, 0, 0);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(write_chunk(&l, 4096), 4096);
    }
    assert_int_equal(l.record.taken, 4096000);
}

static void the_rate_is_kept(void **state) {
    (void)state;
    struct link l;
    begin(&l, 200000, 0, 0);
    uint64_t start = thingpass_posix_now_ms();
    while (l.record.taken < 60000) {
        uint64_t before = thingpass_posix_now_ms(); // a busy machine may stop us anywhere
        int n = write_chunk(&l, 4096);
        uint64_t after = thingpass_posix_now_ms();
        if (n == THINGPASS_EAGAIN) {
            assert_true(l.faults.wake_ms > before && l.faults.wake_ms < after + 100);
            (void)poll(NULL, 0, l.faults.wake_ms > after ? (int)(l.faults.wake_ms - after) : 0);
        }
    }
    uint64_t took = thingpass_posix_now_ms() - start;
    assert_in_range(took, 250, 3000); // 300 ms if the machine is idle
}

static void a_slow_link_repeats_what_tls_wants_repeated(void **state) {
    (void)state;
    struct link l;
    begin(&l, 100000, 0, 0); // 500 bytes in 5 ms
    (void)poll(NULL, 0, 5);
    l.record.refusals = 3;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(write_chunk(&l, 4096), THINGPASS_EAGAIN);
        (void)poll(NULL, 0, 5); // more would be allowed now
    }
    assert_true(write_chunk(&l, 4096) > 0);
}

static void a_link_is_cut_after_exactly_so_many_bytes(void **state) {
    (void)state;
    struct link l;
    begin(&l, 0, 5000, 2);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(write_chunk(&l, 4096), 4096);
        assert_int_equal(write_chunk(&l, 4096), 904);
        assert_int_equal(write_chunk(&l, 4096), THINGPASS_EIO);
        assert_string_equal(l.stream.why.text, "--cut-after: cut the link after 5000 bytes");
        l.faults.port.close(l.faults.port.ctx);
    }
    for (int i = 0; i < 10; i++) {
        assert_int_equal(write_chunk(&l, 4096), 4096); // enough cuts
    }
    assert_int_equal(l.record.closes, 2);
}

static void each_connection_counts_from_nothing(void **state) {
    (void)state;
    struct link l;
    begin(&l, 0, 5000, 1);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(write_chunk(&l, 4096), 4096);
        l.faults.port.close(l.faults.port.ctx);
    }
    assert_int_equal(l.faults.cuts, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_faults_everything_passes),
        cmocka_unit_test(the_rate_is_kept),
        cmocka_unit_test(a_slow_link_repeats_what_tls_wants_repeated),
        cmocka_unit_test(a_link_is_cut_after_exactly_so_many_bytes),
        cmocka_unit_test(each_connection_counts_from_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
