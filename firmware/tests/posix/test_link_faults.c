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
    int readable; // what the server has sent, of zeros
    bool ended;   // and it closed in good order
    int opens;
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

static int give(void *ctx, void *buffer, size_t cap) {
    struct record *r = ctx;
    int n = r->readable < (int)cap ? r->readable : (int)cap;
    memset(buffer, 0, (size_t)n);
    r->readable -= n;
    return n > 0 || r->ended ? n : THINGPASS_EAGAIN;
}

static int count_open(void *ctx, const char *host, uint16_t port, bool tls) {
    struct record *r = ctx;
    (void)host;
    (void)port;
    (void)tls;
    r->opens++;
    return THINGPASS_OK;
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

static void begin(struct link *l, struct thingpass_link_settings settings) {
    static const struct thingpass_tls_trust nobody;
    memset(&l->record, 0, sizeof l->record);
    thingpass_tls_stream_init(&l->stream, &nobody);
    l->stream.port = (struct thingpass_stream){&l->record, count_open, take, give, count_close};
    thingpass_link_faults_init(&l->faults, &l->stream, &settings);
}

// Opens the link. Returns how long that took, in ms.
static uint64_t open_link(struct link *l) {
    uint64_t start = thingpass_posix_now_ms();
    int rc;
    while ((rc = l->faults.port.open(l->faults.port.ctx, "h", 1, true)) == THINGPASS_EAGAIN) {
        uint64_t now = thingpass_posix_now_ms();
        assert_true(l->faults.wake_ms > 0);
        (void)poll(NULL, 0, l->faults.wake_ms > now ? (int)(l->faults.wake_ms - now) : 0);
    }
    assert_int_equal(rc, THINGPASS_OK);
    return thingpass_posix_now_ms() - start;
}

static int read_chunk(struct link *l, size_t cap) {
    static uint8_t chunk[4096];
    return l->faults.port.read(l->faults.port.ctx, chunk, cap);
}

static int write_chunk(struct link *l, size_t length) {
    static const uint8_t chunk[4096];
    return l->faults.port.write(l->faults.port.ctx, chunk, length);
}

static void without_faults_everything_passes(void **state) {
    (void)state;
    static struct link l;
    begin(&l, (struct thingpass_link_settings){0});
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(write_chunk(&l, 4096), 4096);
    }
    assert_int_equal(l.record.taken, 4096000);
}

static void the_rate_is_kept(void **state) {
    (void)state;
    static struct link l;
    begin(&l, (struct thingpass_link_settings){.rate = 200000});
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
    static struct link l;
    begin(&l, (struct thingpass_link_settings){.rate = 100000}); // 500 bytes in 5 ms
    (void)poll(NULL, 0, 5);
    l.record.refusals = 3;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(write_chunk(&l, 4096), THINGPASS_EAGAIN);
        (void)poll(NULL, 0, 5); // more would be allowed now
    }
    assert_true(write_chunk(&l, 4096) > 0);
}

static void the_rate_is_for_both_ways(void **state) {
    (void)state;
    static struct link l;
    begin(&l, (struct thingpass_link_settings){.rate = 200000});
    l.record.readable = 30000;
    uint64_t start = thingpass_posix_now_ms();
    while (l.record.readable > 0) {
        if (read_chunk(&l, 4096) == THINGPASS_EAGAIN) {
            assert_true(l.faults.wake_ms > 0);
            (void)poll(NULL, 0, 1);
        }
    }
    assert_in_range(thingpass_posix_now_ms() - start, 100, 3000); // 150 ms if the machine is idle
}

static void a_link_is_cut_after_exactly_so_many_bytes(void **state) {
    (void)state;
    static struct link l;
    begin(&l, (struct thingpass_link_settings){.cut_after = 5000, .cuts = 2});
    for (int round = 0; round < 2; round++) {
        (void)open_link(&l);
        assert_int_equal(write_chunk(&l, 4096), 4096);
        assert_int_equal(write_chunk(&l, 4096), 904);
        assert_int_equal(write_chunk(&l, 4096), THINGPASS_EIO);
        assert_string_equal(l.stream.why.text, "--cut-after: cut the link after 5000 bytes");
        l.faults.port.close(l.faults.port.ctx);
    }
    (void)open_link(&l);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(write_chunk(&l, 4096), 4096); // enough cuts
    }
    assert_int_equal(l.record.closes, 2);
}

static void what_is_read_counts_too(void **state) {
    (void)state;
    static struct link l;
    begin(&l, (struct thingpass_link_settings){.cut_after = 5000, .cuts = 1});
    (void)open_link(&l);
    l.record.readable = 10000;
    assert_int_equal(write_chunk(&l, 1000), 1000);
    assert_int_equal(read_chunk(&l, 3000), 3000);
    assert_int_equal(read_chunk(&l, 3000), 1000);
    assert_int_equal(read_chunk(&l, 3000), THINGPASS_EIO);
    assert_string_equal(l.stream.why.text, "--cut-after: cut the link after 5000 bytes");
}

static void each_connection_counts_from_nothing(void **state) {
    (void)state;
    static struct link l;
    begin(&l, (struct thingpass_link_settings){.cut_after = 5000, .cuts = 1});
    for (int i = 0; i < 3; i++) {
        (void)open_link(&l);
        assert_int_equal(write_chunk(&l, 4096), 4096);
        l.faults.port.close(l.faults.port.ctx);
    }
    assert_int_equal(l.faults.settings.cuts, 1);
}

// Sends on ten connections, with an answer at the end of each, and notes how many
// bytes had been sent on each when it broke.
static unsigned random_cuts(uint32_t seed, uint64_t points[10]) {
    static struct link l;
    unsigned answers_lost = 0;
    begin(&l, (struct thingpass_link_settings){.cut_within = 20000, .cut_seed = seed, .cuts = 10});
    for (int i = 0; i < 10; i++) {
        (void)open_link(&l);
        l.record.taken = 0;
        while (l.record.taken < 20000 && write_chunk(&l, 1000) > 0) {
        }
        points[i] = l.record.taken;
        l.record.readable = 100;
        bool sent = l.record.taken == 20000;
        answers_lost += sent && read_chunk(&l, 100) == THINGPASS_EIO;
        l.faults.port.close(l.faults.port.ctx);
    }
    assert_int_equal(l.faults.settings.cuts, 0);
    return answers_lost;
}

static void random_cuts_are_the_same_again_with_the_same_seed(void **state) {
    (void)state;
    uint64_t first[10];
    uint64_t again[10];
    uint64_t other[10];
    unsigned lost = random_cuts(7, first);
    assert_int_equal(random_cuts(7, again), lost);
    assert_memory_equal(first, again, sizeof first);
    (void)random_cuts(8, other);
    assert_memory_not_equal(first, other, sizeof first);
    assert_in_range(lost, 1, 9); // some in the middle, some before the answer
}

static void a_connection_grows_only_so_old(void **state) {
    (void)state;
    static struct link l;
    begin(&l, (struct thingpass_link_settings){.cut_every_ms = 50});
    (void)open_link(&l);
    assert_true(write_chunk(&l, 100) > 0 || thingpass_posix_now_ms() >= l.faults.open_ms + 50);
    (void)poll(NULL, 0, 60);
    assert_int_equal(write_chunk(&l, 100), THINGPASS_EIO);
    l.faults.port.close(l.faults.port.ctx);
    (void)open_link(&l);
    (void)poll(NULL, 0, 60);
    assert_int_equal(read_chunk(&l, 100), THINGPASS_EIO);
    assert_non_null(strstr(l.stream.why.text, "--cut-every: "));
}

static void a_far_server_shakes_hands_slowly(void **state) {
    (void)state;
    static struct link l;
    begin(&l, (struct thingpass_link_settings){.latency_ms = 40});
    assert_in_range(open_link(&l), 120, 1000);
    assert_int_equal(l.record.opens, 1);
    l.faults.port.close(l.faults.port.ctx);
    l.stream.resumed = true;
    assert_in_range(open_link(&l), 80, 1000);
}

static void an_answer_comes_after_a_round_trip(void **state) {
    (void)state;
    static struct link l;
    begin(&l, (struct thingpass_link_settings){.latency_ms = 40});
    assert_int_equal(write_chunk(&l, 100), 100);
    assert_int_equal(read_chunk(&l, 4096), THINGPASS_EAGAIN);
    assert_int_equal(l.faults.wake_ms, 0); // nothing is under way
    l.record.readable = 60000;
    uint64_t start = thingpass_posix_now_ms();
    uint64_t got = 0;
    while (got < 60000) { // many chunks, one delay
        int n = read_chunk(&l, 4096);
        got += n > 0 ? (uint64_t)n : 0;
        if (n == THINGPASS_EAGAIN) {
            assert_in_range(l.faults.wake_ms, start + 40, start + 1000);
            (void)poll(NULL, 0, 1);
        }
    }
    assert_in_range(thingpass_posix_now_ms() - start, 40, 1000);
    l.record.ended = true;
    start = thingpass_posix_now_ms();
    int n;
    while ((n = read_chunk(&l, 4096)) == THINGPASS_EAGAIN) {
        (void)poll(NULL, 0, 1);
    }
    assert_int_equal(n, 0);
    assert_in_range(thingpass_posix_now_ms() - start, 40, 1000);
}

static void a_new_connection_hears_nothing_of_the_old_one(void **state) {
    (void)state;
    static struct link l;
    begin(&l, (struct thingpass_link_settings){.latency_ms = 20});
    l.record.readable = 100;
    l.record.ended = true;
    assert_int_equal(read_chunk(&l, 4096), THINGPASS_EAGAIN);
    l.faults.port.close(l.faults.port.ctx);
    l.record.ended = false;
    (void)open_link(&l);
    (void)poll(NULL, 0, 30);
    assert_int_equal(read_chunk(&l, 4096), THINGPASS_EAGAIN);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_faults_everything_passes),
        cmocka_unit_test(the_rate_is_kept),
        cmocka_unit_test(a_slow_link_repeats_what_tls_wants_repeated),
        cmocka_unit_test(the_rate_is_for_both_ways),
        cmocka_unit_test(a_link_is_cut_after_exactly_so_many_bytes),
        cmocka_unit_test(what_is_read_counts_too),
        cmocka_unit_test(each_connection_counts_from_nothing),
        cmocka_unit_test(random_cuts_are_the_same_again_with_the_same_seed),
        cmocka_unit_test(a_connection_grows_only_so_old),
        cmocka_unit_test(a_far_server_shakes_hands_slowly),
        cmocka_unit_test(an_answer_comes_after_a_round_trip),
        cmocka_unit_test(a_new_connection_hears_nothing_of_the_old_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
