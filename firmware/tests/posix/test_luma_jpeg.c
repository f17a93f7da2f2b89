// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Real JPEGs, from the generated scene, through libjpeg into the motion gate.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "camera_scene.h"
#include "jpeg_encode.h"
#include "luma_jpeg.h"
#include "thingpass/jpeg.h"

struct jpeg {
    uint8_t *bytes;
    size_t size;
};

static struct thingpass_motion motion;

static struct jpeg encode(int width, int height, const void *ctx,
                          void (*row)(const void *ctx, int y, uint8_t *rgb)) {
    struct thingpass_pixels pixels = {width, height, ctx, row};
    struct jpeg j = {NULL, 0};
    assert_int_equal(thingpass_jpeg_encode(&pixels, 90, &j.bytes, &j.size, NULL), 0);
    return j;
}

enum { WIDE = 640, HIGH = 480, RED = 0x010000, GREEN = 0x000100, GREY = 0x010101 };

// Blocks of a 20x15 grid, each of one colour, brighter to the right.
static void ramp_row(const void *ctx, int y, uint8_t *rgb) {
    const int *colour = ctx;
    for (int x = 0; x < WIDE; x++) {
        int level = x / 32 * 12 + y / 32;
        *rgb++ = (uint8_t)((*colour >> 16 & 1) * level);
        *rgb++ = (uint8_t)((*colour >> 8 & 1) * level);
        *rgb++ = (uint8_t)((*colour & 1) * level);
    }
}

static void luma_is_that_of_the_picture(void **state) {
    (void)state;
    static const struct {
        int colour;
        int permille; // of the level, by Rec. 601
    } rows[] = {{GREY, 1000}, {RED, 299}, {GREEN, 587}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct jpeg j = encode(WIDE, HIGH, &rows[i].colour, ramp_row);
        assert_int_equal(thingpass_motion_init(&motion, NULL), THINGPASS_OK);
        assert_int_equal(thingpass_luma_jpeg(&motion, j.bytes, j.size, NULL), THINGPASS_OK);
        assert_int_equal(motion.width, 80);
        assert_int_equal(motion.height, 60);
        assert_int_equal(thingpass_motion_end(&motion, 0), THINGPASS_MOTION_LEARNING);
        for (int b = 0; b < 300; b++) {
            int expected = (b % 20 * 12 + b / 20) * rows[i].permille / 1000;
            assert_true(abs(motion.background[b] / 256 - expected) <= 2);
        }
        free(j.bytes);
    }
}

static struct jpeg photograph(const struct thingpass_scene *scene, uint64_t number) {
    struct thingpass_camera camera;
    struct thingpass_photo photo;
    assert_int_equal(thingpass_camera_scene(&camera, scene, NULL), THINGPASS_OK);
    assert_int_equal(camera.capture(camera.ctx, number, &photo), THINGPASS_CAPTURED);
    struct jpeg j = {malloc(photo.source.size), photo.source.size};
    assert_int_equal(photo.source.rewind(photo.source.ctx), THINGPASS_OK);
    size_t at = 0;
    while (at < j.size) {
        int n = photo.source.read(photo.source.ctx, j.bytes + at, j.size - at);
        assert_true(n > 0);
        at += (size_t)n;
    }
    camera.close(camera.ctx);
    return j;
}

static int look(struct jpeg j, uint64_t now_ms) {
    assert_int_equal(thingpass_luma_jpeg(&motion, j.bytes, j.size, NULL), THINGPASS_OK);
    return thingpass_motion_end(&motion, now_ms);
}

static const struct thingpass_scene scene = {.width = 800,
                                             .height = 600,
                                             .noise = 8,
                                             .seeded = true,
                                             .seed = 7,
                                             .interval_ms = 1000,
                                             .thing = "cam1"};

static void the_ball_of_the_scene_is_seen_to_move(void **state) {
    (void)state;
    assert_int_equal(thingpass_motion_init(&motion, NULL), THINGPASS_OK);
    struct jpeg still = photograph(&scene, 1);
    struct jpeg later = photograph(&scene, 5);
    uint64_t now_ms = 0;
    for (int i = 0; i < motion.config.learn_frames; i++) {
        assert_int_equal(look(still, now_ms += 1000), THINGPASS_MOTION_LEARNING);
    }
    for (int i = 0; i < 20; i++) {
        assert_int_equal(look(still, now_ms += 1000), THINGPASS_MOTION_STILL);
    }
    assert_int_equal(look(later, now_ms += 1000), THINGPASS_MOTION_MOVED);
    assert_int_equal(look(later, now_ms += 1000), THINGPASS_MOTION_STILL);
    free(still.bytes);
    free(later.bytes);
}

static void a_damaged_jpeg_is_refused_in_words_and_leaves_no_frame(void **state) {
    (void)state;
    assert_int_equal(thingpass_motion_init(&motion, NULL), THINGPASS_OK);
    struct jpeg j = photograph(&scene, 1);
    assert_int_equal(thingpass_jpeg_is_whole(j.bytes, j.size), j.size);
    for (size_t n = 0; n < j.size; n += n < 700 ? 1 : 997) {
        struct thingpass_why why = {""};
        assert_int_equal(thingpass_luma_jpeg(&motion, j.bytes, n, &why), THINGPASS_ESOURCE);
        assert_non_null(strstr(why.text, "decode a JPEG of "));
        assert_int_equal(thingpass_motion_end(&motion, 0), THINGPASS_EINVAL);
        assert_int_equal(thingpass_jpeg_is_whole(j.bytes, n), 0);
    }
    memset(j.bytes + j.size / 2, 0xff, 64);
    assert_int_equal(thingpass_luma_jpeg(&motion, j.bytes, j.size, NULL), THINGPASS_ESOURCE);
    free(j.bytes);
}

static void a_jpeg_of_odd_size_is_refused_in_words(void **state) {
    (void)state;
    static const struct {
        int width, height;
        int err;
    } rows[] = {{152, 480, THINGPASS_EINVAL}, // 19 columns
                {153, 113, THINGPASS_OK},     // 20 columns, 15 rows
                {640, 112, THINGPASS_EINVAL}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct thingpass_scene odd = scene;
        odd.width = rows[i].width;
        odd.height = rows[i].height;
        struct jpeg j = photograph(&odd, 1);
        struct thingpass_why why = {""};
        assert_int_equal(thingpass_motion_init(&motion, NULL), THINGPASS_OK);
        assert_int_equal(thingpass_luma_jpeg(&motion, j.bytes, j.size, &why), rows[i].err);
        assert_int_equal(strstr(why.text, "too small or too large") != NULL, rows[i].err < 0);
        free(j.bytes);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(luma_is_that_of_the_picture),
        cmocka_unit_test(the_ball_of_the_scene_is_seen_to_move),
        cmocka_unit_test(a_damaged_jpeg_is_refused_in_words_and_leaves_no_frame),
        cmocka_unit_test(a_jpeg_of_odd_size_is_refused_in_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
