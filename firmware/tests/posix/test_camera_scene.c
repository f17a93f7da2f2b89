// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// The generated scene, looked at with libjpeg's decoder.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include "camera_scene.h"
#include "font.h"

static const struct thingpass_scene vga = {.width = 640,
                                           .height = 480,
                                           .noise = 8,
                                           .seeded = true,
                                           .seed = 7,
                                           .interval_ms = 1000,
                                           .thing = "cam1"};

struct jpeg {
    uint8_t *bytes;
    size_t size;
};

struct picture {
    int width, height;
    uint8_t *rgb;
};

// Takes photo `number` and reads it in chunks of `chunk` bytes.
static struct jpeg take(struct thingpass_camera *camera, uint64_t number, size_t chunk) {
    struct thingpass_photo photo;
    assert_int_equal(camera->capture(camera->ctx, number, &photo), THINGPASS_CAPTURED);
    struct jpeg j = {malloc(photo.source.size + chunk), 0};
    assert_int_equal(photo.source.rewind(photo.source.ctx), THINGPASS_OK);
    for (;;) {
        int n = photo.source.read(photo.source.ctx, j.bytes + j.size, chunk);
        assert_true(n >= 0);
        if (n == 0) {
            break;
        }
        j.size += (size_t)n;
        assert_true(j.size <= photo.source.size);
    }
    assert_int_equal(j.size, photo.source.size);
    return j;
}

static struct jpeg take_one(const struct thingpass_scene *scene, uint64_t number) {
    struct thingpass_camera camera;
    struct thingpass_why why;
    assert_int_equal(thingpass_camera_scene(&camera, scene, &why), THINGPASS_OK);
    struct jpeg j = take(&camera, number, 4096);
    camera.close(camera.ctx);
    return j;
}

// Decodes; any error or warning of libjpeg ends the test.
static struct picture decode(struct jpeg j) {
    struct jpeg_decompress_struct d;
    struct jpeg_error_mgr errors;
    d.err = jpeg_std_error(&errors);
    jpeg_create_decompress(&d);
    jpeg_mem_src(&d, j.bytes, j.size);
    assert_int_equal(jpeg_read_header(&d, TRUE), JPEG_HEADER_OK);
    assert_int_equal(d.progressive_mode, FALSE);
    assert_int_equal(d.arith_code, FALSE);
    assert_int_equal(d.data_precision, 8);
    assert_int_equal(d.num_components, 3);
    d.out_color_space = JCS_RGB;
    (void)jpeg_start_decompress(&d);
    struct picture p = {(int)d.output_width, (int)d.output_height, NULL};
    size_t stride = (size_t)p.width * 3;
    p.rgb = malloc(stride * (size_t)p.height);
    while (d.output_scanline < d.output_height) {
        JSAMPROW row = p.rgb + stride * d.output_scanline;
        (void)jpeg_read_scanlines(&d, &row, 1);
    }
    (void)jpeg_finish_decompress(&d);
    assert_int_equal(errors.num_warnings, 0);
    jpeg_destroy_decompress(&d);
    return p;
}

static bool bright(const struct picture *p, int x, int y) {
    const uint8_t *c = p->rgb + ((size_t)y * (size_t)p->width + (size_t)x) * 3;
    return c[0] + c[1] + c[2] > 3 * 128;
}

// Reads the digits of the burned-in counter out of the pixels, as a person does:
// each cell is compared with every digit of the font.
static void read_counter(const struct picture *p, char digits[7]) {
    int scale = p->width / 80 + 1;
    for (int at = 0; at < 6; at++) {
        digits[at] = '?';
        for (char digit = '0'; digit <= '9'; digit++) {
            int wrong = 0;
            for (int y = 0; y < THINGPASS_FONT_HEIGHT; y++) {
                for (int x = 0; x < THINGPASS_FONT_WIDTH; x++) {
                    int px =
                        2 * scale + ((at + 1) * THINGPASS_FONT_ADVANCE + x) * scale + scale / 2;
                    int py = 2 * scale + y * scale + scale / 2;
                    wrong += bright(p, px, py) != thingpass_font_ink(&digit, 1, x, y);
                }
            }
            if (wrong == 0) {
                assert_int_equal(digits[at], '?'); // no two digits look alike
                digits[at] = digit;
            }
        }
    }
    digits[6] = '\0';
}

static void each_size_decodes_and_weighs_what_a_camera_s_would(void **state) {
    (void)state;
    static const struct {
        const char *name;
        int width, height;
        size_t least, most;
    } sizes[] = {
        {"QVGA", 320, 240, 8000, 40000},     {"VGA", 640, 480, 25000, 100000},
        {"SVGA", 800, 600, 40000, 150000},   {"XGA", 1024, 768, 60000, 200000},
        {"SXGA", 1280, 1024, 90000, 300000}, {"UXGA", 1600, 1200, 100000, 400000},
        {"100x48", 100, 48, 500, 10000},     {"16x16", 16, 16, 300, 3000},
    };
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct thingpass_scene scene = vga;
        assert_int_equal(thingpass_scene_size(sizes[i].name, &scene.width, &scene.height, NULL),
                         THINGPASS_OK);
        struct jpeg j = take_one(&scene, 1);
        struct picture p = decode(j);
        assert_int_equal(p.width, sizes[i].width);
        assert_int_equal(p.height, sizes[i].height);
        assert_in_range(j.size, sizes[i].least, sizes[i].most);
        free(p.rgb);
        free(j.bytes);
    }
}

static void the_counter_can_be_read_in_the_picture(void **state) {
    (void)state;
    static const struct {
        const char *size;
        uint64_t number;
        const char *text;
    } cases[] = {{"QVGA", 1, "000001"},
                 {"VGA", 234567, "234567"},
                 {"UXGA", 890, "000890"},
                 {"VGA", 1000001, "000001"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct thingpass_scene scene = vga;
        scene.noise = 20;
        (void)thingpass_scene_size(cases[i].size, &scene.width, &scene.height, NULL);
        struct jpeg j = take_one(&scene, cases[i].number);
        struct picture p = decode(j);
        char digits[7];
        read_counter(&p, digits);
        assert_string_equal(digits, cases[i].text);
        free(p.rgb);
        free(j.bytes);
    }
}

static bool same(struct jpeg a, struct jpeg b) {
    return a.size == b.size && memcmp(a.bytes, b.bytes, a.size) == 0;
}

static void a_seed_gives_the_same_photos_again(void **state) {
    (void)state;
    struct thingpass_scene other = vga;
    other.seed = 8;
    struct jpeg first = take_one(&vga, 1);
    struct jpeg again = take_one(&vga, 1);
    struct jpeg second = take_one(&vga, 2);
    struct jpeg elsewhere = take_one(&other, 1);
    assert_true(same(first, again));
    assert_false(same(first, second));
    assert_false(same(first, elsewhere));
    free(first.bytes);
    free(again.bytes);
    free(second.bytes);
    free(elsewhere.bytes);
}

// Counts the pixels of the ball's red, and where they are on average.
static int find_ball(const struct picture *p) {
    long count = 0;
    long sum = 0;
    for (int y = 0; y < p->height; y++) {
        for (int x = 0; x < p->width; x++) {
            const uint8_t *c = p->rgb + ((size_t)y * (size_t)p->width + (size_t)x) * 3;
            if (c[0] > 100 && c[0] > 2 * c[1] && c[0] > 2 * c[2]) {
                count++;
                sum += x;
            }
        }
    }
    assert_true(count > 1000);
    return (int)(sum / count);
}

static void something_moves(void **state) {
    (void)state;
    struct thingpass_scene scene = vga;
    scene.noise = 0;
    int places[3];
    for (uint64_t i = 0; i < 3; i++) {
        struct jpeg j = take_one(&scene, i + 1);
        struct picture p = decode(j);
        places[i] = find_ball(&p);
        free(p.rgb);
        free(j.bytes);
    }
    assert_true(abs(places[1] - places[0]) > 10);
    assert_true(abs(places[2] - places[1]) > 10);
}

static void a_frame_can_be_read_again_in_chunks_of_any_size(void **state) {
    (void)state;
    struct thingpass_camera camera;
    struct thingpass_photo photo;
    assert_int_equal(thingpass_camera_scene(&camera, &vga, NULL), THINGPASS_OK);
    struct jpeg whole = take(&camera, 3, 1 << 20);
    assert_int_equal(camera.capture(camera.ctx, 3, &photo), THINGPASS_CAPTURED);
    static const size_t chunks[] = {1, 3, 1000, 4096};
    for (size_t i = 0; i < 4; i++) {
        uint8_t chunk[4096];
        size_t at = 0;
        assert_int_equal(photo.source.rewind(photo.source.ctx), THINGPASS_OK);
        for (int n; (n = photo.source.read(photo.source.ctx, chunk, chunks[i])) > 0;
             at += (size_t)n) {
            assert_true(at + (size_t)n <= whole.size);
            assert_memory_equal(chunk, whole.bytes + at, (size_t)n);
        }
        assert_int_equal(at, whole.size);
    }
    free(whole.bytes);
    camera.close(camera.ctx);
}

static void odd_sizes_are_refused_in_words(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",         "HD",       "0x0",      "15x16",  "16x15",    "4097x16",
        "16x4097",  "640",      "640x",     "x480",   "640x480x", "640X480",
        "-640x480", " 640x480", "640x 480", "6e2x48", "QVGA ",    "99999999999999999999x16"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct thingpass_why why = {""};
        int width = 1;
        int height = 1;
        assert_int_equal(thingpass_scene_size(bad[i], &width, &height, &why), THINGPASS_EINVAL);
        assert_non_null(strstr(why.text, "is not a picture size; give QVGA"));
        assert_int_equal(width, 0);
        assert_int_equal(height, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_size_decodes_and_weighs_what_a_camera_s_would),
        cmocka_unit_test(the_counter_can_be_read_in_the_picture),
        cmocka_unit_test(a_seed_gives_the_same_photos_again),
        cmocka_unit_test(something_moves),
        cmocka_unit_test(a_frame_can_be_read_again_in_chunks_of_any_size),
        cmocka_unit_test(odd_sizes_are_refused_in_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
