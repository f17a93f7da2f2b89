// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// The adapter against a simulated camera at the other end of the SPI bus, which
// knows nothing of pictures, only of bytes on the wire.

#include "check.h"
#include "guard.h"
#include "jpeg_bytes.h"
#include "thingpass/arducam.h"

enum { FIFO_MAX = 700000 };

struct camera {
    uint8_t *fifo;
    uint32_t size;
    uint32_t at;
    bool odd_byte;  // comes with the next burst
    int busy_polls; // until the picture is there
    bool started;
    bool cleared;
    size_t longest; // burst
    unsigned transactions;
    unsigned fail_at;  // this transaction fails
    unsigned again_at; // this one finds the bus taken
};

// What the camera answers to the byte number `at` behind a command.
static uint8_t answer(struct camera *c, uint8_t command, size_t at) {
    if (command == 0x3c) {
        if (c->odd_byte) {
            c->odd_byte = false;
            return 0xee;
        }
        return c->at < c->size ? c->fifo[c->at++] : 0xbb;
    }
    if (at != 1) { // registers answer one byte late
        return 0xdd;
    }
    switch (command) {
    case 0x44:
        return c->started && c->busy_polls-- <= 0 ? 0x07 : 0x03;
    case 0x45:
        return (uint8_t)c->size;
    case 0x46:
        return (uint8_t)(c->size >> 8);
    case 0x47:
        return (uint8_t)(c->size >> 16);
    default:
        fail_msg("register %#x", command);
        return 0;
    }
}

static int spi_read(void *ctx, uint8_t command, size_t skip, uint8_t *buf, size_t len) {
    struct camera *c = ctx;
    unsigned number = ++c->transactions;
    if (number == c->fail_at || number == c->again_at) {
        return number == c->fail_at ? THINGPASS_EIO : THINGPASS_EAGAIN;
    }
    for (size_t i = 0; i < skip + len; i++) {
        uint8_t byte = answer(c, command, i);
        if (i >= skip) {
            buf[i - skip] = byte;
        }
    }
    c->longest = command == 0x3c && len > c->longest ? len : c->longest;
    return THINGPASS_OK;
}

static int spi_write(void *ctx, uint8_t command, uint8_t value) {
    struct camera *c = ctx;
    if (++c->transactions == c->fail_at) {
        return THINGPASS_EIO;
    }
    assert_int_equal(command, 0x84);
    if (value == 0x01) {
        c->cleared = true;
    } else {
        assert_int_equal(value, 0x02);
        assert_true(c->cleared);
        c->started = true;
        c->at = 0;
        c->odd_byte = true;
    }
    return THINGPASS_OK;
}

// A picture of `size` bytes in all, the last `padding` of them behind its end.
static struct camera load(uint32_t size, uint32_t padding) {
    struct camera c = {.fifo = calloc(1, size + 1), .size = size};
    uint32_t whole = size - padding;
    uint32_t body = sizeof jpeg_bytes - 3;
    for (uint32_t i = 0; i < size; i++) {
        c.fifo[i] = i < whole ? (uint8_t)(i * 31 % 251) : 0; // never 255
    }
    memcpy(c.fifo, jpeg_bytes, body);
    memcpy(c.fifo + whole - 3, jpeg_bytes + body, 3);
    return c;
}

static void take(struct thingpass_arducam *camera, struct camera *c,
                 const struct thingpass_arducam_spi *spi, uint16_t max_burst) {
    assert_int_equal(thingpass_arducam_capture(camera, spi, max_burst), THINGPASS_OK);
    assert_true(c->started);
    assert_int_equal(thingpass_arducam_ready(camera), THINGPASS_OK);
}

static void read_and_compare(struct thingpass_arducam *camera, const struct camera *c, size_t cap) {
    struct thingpass_source *s = &camera->fifo.source;
    uint8_t *buf = guard_alloc(cap);
    uint32_t got = 0;
    int n;
    while ((n = s->read(s->ctx, buf, cap)) > 0) {
        assert_true(got + (uint32_t)n <= c->size);
        assert_memory_equal(buf, c->fifo + got, (size_t)n);
        got += (uint32_t)n;
    }
    assert_int_equal(n, 0);
    assert_int_equal(got, c->size);
    guard_free(buf, cap);
}

static void pictures_arrive_without_the_odd_byte_of_the_first_burst(void **state) {
    (void)state;
    static const struct {
        uint32_t size, padding;
        uint16_t max_burst;
        size_t cap;
    } rows[] = {
        {200, 0, 255, 2048},      {255, 0, 255, 255},    {256, 3, 255, 255},
        {5000, 7, 255, 2048},     {5000, 0, 1, 2048},    {65536, 512, 255, 1024},
        {600000, 100, 255, 2048}, {9000, 0, 4096, 2048}, {70000, 0, 65535, 16000},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct camera c = load(rows[i].size, rows[i].padding);
        struct thingpass_arducam_spi spi = {&c, spi_read, spi_write};
        struct thingpass_arducam camera;
        take(&camera, &c, &spi, rows[i].max_burst);
        assert_int_equal(camera.fifo.source.size, rows[i].size);
        assert_string_equal(camera.fifo.source.content_type, "image/jpeg");
        assert_false(camera.fifo.source.rewindable);
        read_and_compare(&camera, &c, rows[i].cap);
        assert_true(c.longest <= rows[i].max_burst);
        free(c.fifo);
    }
}

static void each_capture_has_an_odd_byte_of_its_own(void **state) {
    (void)state;
    struct camera c = load(1000, 0);
    struct thingpass_arducam_spi spi = {&c, spi_read, spi_write};
    for (int i = 0; i < 3; i++) {
        struct thingpass_arducam camera;
        take(&camera, &c, &spi, 255);
        read_and_compare(&camera, &c, 512);
    }
    free(c.fifo);
}

static void a_sensor_that_takes_its_time_is_waited_for(void **state) {
    (void)state;
    struct camera c = load(1000, 0);
    c.busy_polls = 3;
    struct thingpass_arducam_spi spi = {&c, spi_read, spi_write};
    struct thingpass_arducam camera;
    assert_int_equal(thingpass_arducam_capture(&camera, &spi, 255), THINGPASS_OK);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(thingpass_arducam_ready(&camera), THINGPASS_EAGAIN);
    }
    assert_int_equal(thingpass_arducam_ready(&camera), THINGPASS_OK);
    read_and_compare(&camera, &c, 300);
    free(c.fifo);
}

static void an_empty_picture_is_none(void **state) {
    (void)state;
    struct camera c = {.size = 0};
    struct thingpass_arducam_spi spi = {&c, spi_read, spi_write};
    struct thingpass_arducam camera;
    assert_int_equal(thingpass_arducam_capture(&camera, &spi, 255), THINGPASS_OK);
    assert_int_equal(thingpass_arducam_ready(&camera), THINGPASS_ESOURCE);
}

// Runs a capture of 600 bytes in which one transaction fails or must wait.
static int run(unsigned fail_at, unsigned again_at, uint32_t *got) {
    struct camera c = load(600, 0);
    c.fail_at = fail_at;
    c.again_at = again_at;
    struct thingpass_arducam_spi spi = {&c, spi_read, spi_write};
    struct thingpass_arducam camera;
    *got = 0;
    int err = thingpass_arducam_capture(&camera, &spi, 255);
    for (int i = 0; err == THINGPASS_OK && i < 2; i++) {
        err = thingpass_arducam_ready(&camera);
        if (err != THINGPASS_EAGAIN) {
            break;
        }
        err = THINGPASS_OK;
    }
    struct thingpass_source *s = &camera.fifo.source;
    while (err >= 0 && *got < c.size) {
        uint8_t buf[100];
        err = s->read(s->ctx, buf, sizeof buf);
        if (err == THINGPASS_EAGAIN) {
            err = 0;
            continue;
        }
        if (err > 0) {
            assert_memory_equal(buf, c.fifo + *got, (size_t)err);
            *got += (uint32_t)err;
        }
    }
    free(c.fifo);
    return err;
}

static void a_bus_that_fails_at_any_transaction_is_told(void **state) {
    (void)state;
    uint32_t got;
    assert_true(run(0, 0, &got) > 0);
    assert_int_equal(got, 600);
    // 2 writes, 1 look, 3 lengths, 6 bursts of 100 bytes
    for (unsigned i = 1; i <= 12; i++) {
        int err = run(i, 0, &got);
        assert_true(err == (i <= 6 ? THINGPASS_EIO : THINGPASS_ESOURCE));
        assert_int_equal(got, i <= 6 ? 0 : (i - 7) * 100);
    }
}

static void a_bus_that_is_taken_is_asked_again(void **state) {
    (void)state;
    for (unsigned i = 3; i <= 12; i++) {
        uint32_t got;
        (void)run(0, i, &got);
        assert_int_equal(got, 600);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pictures_arrive_without_the_odd_byte_of_the_first_burst),
        cmocka_unit_test(each_capture_has_an_odd_byte_of_its_own),
        cmocka_unit_test(a_sensor_that_takes_its_time_is_waited_for),
        cmocka_unit_test(an_empty_picture_is_none),
        cmocka_unit_test(a_bus_that_fails_at_any_transaction_is_told),
        cmocka_unit_test(a_bus_that_is_taken_is_asked_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
