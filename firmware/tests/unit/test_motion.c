// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// The gate's rules one by one, with pictures of a few flat patches; whole scenes
// are in test_motion_scenes.c.

#include "check.h"
#include "guard.h"
#include "thingpass/motion.h"

enum { WIDTH = 160, HEIGHT = 120, SECOND = 1000 };

static struct thingpass_motion m;
static uint64_t now_ms;

// Shows a grey picture with a bright patch, whose place is in blocks of 8 x 8.
static int show(int x, int y, int width, int height) {
    uint8_t row[WIDTH];
    assert_int_equal(thingpass_motion_begin(&m, WIDTH, HEIGHT), THINGPASS_OK);
    for (int py = 0; py < HEIGHT; py++) {
        memset(row, 100, sizeof row);
        if (py >= y * 8 && py < (y + height) * 8) {
            memset(row + x * 8, 200, (size_t)width * 8);
        }
        assert_int_equal(thingpass_motion_row(&m, row), THINGPASS_OK);
    }
    now_ms += SECOND;
    return thingpass_motion_end(&m, now_ms);
}

static int show_nothing(void) {
    return show(0, 0, 0, 0);
}

static void begin(const struct thingpass_motion_config *config) {
    now_ms = 1000000;
    memset(&m, 0xaa, sizeof m); // init must not rely on what was there
    assert_int_equal(thingpass_motion_init(&m, config), THINGPASS_OK);
}

static void begin_and_learn(const struct thingpass_motion_config *config) {
    begin(config);
    for (int i = 0; i < m.config.learn_frames; i++) {
        assert_int_equal(show_nothing(), THINGPASS_MOTION_LEARNING);
    }
    assert_int_equal(show_nothing(), THINGPASS_MOTION_STILL);
}

static void a_grid_that_is_not_possible_is_refused(void **state) {
    (void)state;
    static const struct {
        uint8_t columns, rows, follow, absorb;
        int err;
    } rows[] = {
        {0, 0, 0, 0, THINGPASS_OK},        {4, 4, 0, 0, THINGPASS_OK},
        {24, 12, 0, 0, THINGPASS_OK},      {4, 75, 15, 15, THINGPASS_OK},
        {3, 15, 0, 0, THINGPASS_EINVAL},   {20, 3, 0, 0, THINGPASS_EINVAL},
        {25, 4, 0, 0, THINGPASS_EINVAL},   {24, 13, 0, 0, THINGPASS_EINVAL},
        {4, 76, 0, 0, THINGPASS_EINVAL},   {255, 255, 0, 0, THINGPASS_EINVAL},
        {20, 15, 16, 0, THINGPASS_EINVAL}, {20, 15, 0, 16, THINGPASS_EINVAL},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct thingpass_motion_config config = {.columns = rows[i].columns,
                                                 .rows = rows[i].rows,
                                                 .follow_shift = rows[i].follow,
                                                 .absorb_shift = rows[i].absorb};
        assert_int_equal(thingpass_motion_init(&m, &config), rows[i].err);
    }
    assert_int_equal(thingpass_motion_init(&m, NULL), THINGPASS_OK);
    assert_int_equal(m.config.columns * m.config.rows, THINGPASS_MOTION_BLOCKS);
}

static void a_frame_of_odd_size_is_refused(void **state) {
    (void)state;
    static const struct {
        unsigned width, height;
        int err;
    } rows[] = {
        {0, 0, THINGPASS_EINVAL},
        {19, 120, THINGPASS_EINVAL},
        {160, 14, THINGPASS_EINVAL},
        {1025, 120, THINGPASS_EINVAL},
        {160, 1025, THINGPASS_EINVAL},
        {UINT32_MAX, UINT32_MAX, THINGPASS_EINVAL},
        {65536 + 160, 120, THINGPASS_EINVAL},
        {20, 15, THINGPASS_OK},
        {1024, 1024, THINGPASS_OK},
        {160, 120, THINGPASS_OK},
    };
    uint8_t row[1024] = {0};
    for (size_t i = 0; i < COUNT(rows); i++) {
        begin(NULL);
        assert_int_equal(thingpass_motion_begin(&m, rows[i].width, rows[i].height), rows[i].err);
        if (rows[i].err < 0) { // and none of its pixels is looked at
            assert_int_equal(thingpass_motion_frame(&m, NULL, rows[i].width, rows[i].height, 0),
                             rows[i].err);
        }
        if (rows[i].err < 0) {
            assert_int_equal(thingpass_motion_row(&m, row), THINGPASS_EINVAL);
            assert_int_equal(thingpass_motion_end(&m, 0), THINGPASS_EINVAL);
        }
    }
}

// Every pixel belongs to one block, whatever the size; rows end at a guard page.
static void means_are_right_for_any_size(void **state) {
    (void)state;
    static const struct {
        unsigned width, height;
        uint8_t columns, rows;
    } sizes[] = {{20, 15, 20, 15},   {21, 16, 20, 15}, {39, 29, 20, 15},   {160, 120, 20, 15},
                 {200, 150, 20, 15}, {97, 61, 20, 15}, {1024, 1024, 4, 4}, {1023, 77, 7, 11}};
    for (size_t i = 0; i < COUNT(sizes); i++) {
        struct thingpass_motion_config config = {.columns = sizes[i].columns,
                                                 .rows = sizes[i].rows};
        begin(&config);
        unsigned w = sizes[i].width;
        unsigned h = sizes[i].height;
        uint8_t *row = guard_alloc(w);
        assert_int_equal(thingpass_motion_begin(&m, w, h), THINGPASS_OK);
        for (unsigned y = 0; y < h; y++) {
            unsigned by = (y * config.rows + config.rows - 1) / h; // the block that y lies in
            while (by > 0 && by * h / config.rows > y) {
                by--;
            }
            for (unsigned x = 0; x < w; x++) {
                unsigned bx = config.columns - 1U;
                while (bx * w / config.columns > x) {
                    bx--;
                }
                row[x] = (uint8_t)(255 - (by * config.columns + bx) % 200);
            }
            assert_int_equal(thingpass_motion_row(&m, row), THINGPASS_OK);
        }
        assert_int_equal(thingpass_motion_end(&m, 1), THINGPASS_MOTION_LEARNING);
        for (unsigned b = 0; b < (unsigned)config.columns * config.rows; b++) {
            assert_int_equal(m.background[b], (255 - b % 200) * 256);
        }
        guard_free(row, w);
    }
}

static void a_frame_that_was_cut_off_leaves_no_trace(void **state) {
    (void)state;
    uint8_t white[WIDTH];
    memset(white, 255, sizeof white);
    for (int rows = 0; rows < HEIGHT; rows++) {
        begin_and_learn(NULL);
        assert_int_equal(thingpass_motion_begin(&m, WIDTH, HEIGHT), THINGPASS_OK);
        for (int y = 0; y < rows; y++) {
            assert_int_equal(thingpass_motion_row(&m, white), THINGPASS_OK);
        }
        assert_int_equal(thingpass_motion_end(&m, now_ms), THINGPASS_EINVAL);
        assert_int_equal(thingpass_motion_end(&m, now_ms), THINGPASS_EINVAL);
        assert_int_equal(show_nothing(), THINGPASS_MOTION_STILL);
    }
    for (int y = 0; y < 5; y++) { // forgotten by the next begin
        assert_int_equal(thingpass_motion_begin(&m, WIDTH, HEIGHT), THINGPASS_OK);
        assert_int_equal(thingpass_motion_row(&m, white), THINGPASS_OK);
    }
    assert_int_equal(show_nothing(), THINGPASS_MOTION_STILL);
}

static void a_row_too_many_spoils_the_frame(void **state) {
    (void)state;
    uint8_t row[WIDTH] = {0};
    begin(NULL);
    assert_int_equal(thingpass_motion_begin(&m, WIDTH, HEIGHT), THINGPASS_OK);
    for (int y = 0; y < HEIGHT; y++) {
        assert_int_equal(thingpass_motion_row(&m, row), THINGPASS_OK);
    }
    assert_int_equal(thingpass_motion_row(&m, row), THINGPASS_EINVAL);
    assert_int_equal(thingpass_motion_end(&m, 0), THINGPASS_EINVAL);
}

static void nothing_is_told_while_learning(void **state) {
    (void)state;
    struct thingpass_motion_config config = {.learn_frames = 3};
    begin(&config);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(show(i * 4, 3, 3, 3), THINGPASS_MOTION_LEARNING);
    }
    assert_int_equal(show(15, 10, 3, 3), THINGPASS_MOTION_MOVED);
}

static void another_size_is_learnt_anew(void **state) {
    (void)state;
    begin_and_learn(NULL);
    uint8_t row[200] = {0};
    assert_int_equal(thingpass_motion_begin(&m, 200, 150), THINGPASS_OK);
    for (int y = 0; y < 150; y++) {
        assert_int_equal(thingpass_motion_row(&m, row), THINGPASS_OK);
    }
    assert_int_equal(thingpass_motion_end(&m, now_ms), THINGPASS_MOTION_LEARNING);
    assert_int_equal(show_nothing(), THINGPASS_MOTION_LEARNING);
}

static void motion_is_told_and_then_cools_down(void **state) {
    (void)state;
    struct thingpass_motion_config config = {.cooldown_ms = 4 * SECOND};
    begin_and_learn(&config);
    for (int i = 0; i < 12; i++) {
        assert_int_equal(show(i % 2 * 6, 5, 3, 3),
                         i % 4 == 0 ? THINGPASS_MOTION_MOVED : THINGPASS_MOTION_COOLING);
        assert_int_equal(m.area, 9);
    }
    assert_int_equal(show_nothing(), THINGPASS_MOTION_STILL);
    assert_int_equal(m.area, 0);
}

static void a_thing_that_stays_is_news_once(void **state) {
    (void)state;
    struct thingpass_motion_config config = {.cooldown_ms = 1};
    begin_and_learn(&config);
    assert_int_equal(show(5, 5, 3, 3), THINGPASS_MOTION_MOVED);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(show(5, 5, 3, 3), THINGPASS_MOTION_STILL);
    }
    // It has become background: that it goes away is news again, and once.
    assert_int_equal(show_nothing(), THINGPASS_MOTION_MOVED);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(show_nothing(), THINGPASS_MOTION_STILL);
    }
}

static void a_thing_that_comes_back_is_news_again(void **state) {
    (void)state;
    struct thingpass_motion_config config = {.cooldown_ms = 1};
    begin_and_learn(&config);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(show(5, 5, 3, 3), THINGPASS_MOTION_MOVED);
        assert_int_equal(show_nothing(), THINGPASS_MOTION_STILL);
        assert_int_equal(show_nothing(), THINGPASS_MOTION_STILL);
    }
}

static void a_heartbeat_comes_when_nothing_else_does(void **state) {
    (void)state;
    struct thingpass_motion_config config = {.heartbeat_ms = 20 * SECOND};
    begin(&config);
    for (int i = 0; i < 20; i++) {
        assert_true(show_nothing() < THINGPASS_MOTION_HEARTBEAT);
    }
    assert_int_equal(show_nothing(), THINGPASS_MOTION_HEARTBEAT); // 20 s after the first
    for (int i = 0; i < 9; i++) {
        assert_int_equal(show_nothing(), THINGPASS_MOTION_STILL);
    }
    assert_int_equal(show(5, 5, 3, 3), THINGPASS_MOTION_MOVED); // not cooled down by it
    for (int i = 0; i < 19; i++) {
        assert_int_equal(show(5, 5, 3, 3), THINGPASS_MOTION_STILL);
    }
    assert_int_equal(show(5, 5, 3, 3), THINGPASS_MOTION_HEARTBEAT);
    config.heartbeat_ms = UINT32_MAX;
    begin_and_learn(&config);
    now_ms += (uint64_t)UINT32_MAX * 2;
    assert_int_equal(show_nothing(), THINGPASS_MOTION_STILL);
}

static void the_area_has_a_minimum(void **state) {
    (void)state;
    static const struct {
        uint8_t min_blocks;
        int width, height;
        bool moves;
    } rows[] = {{0, 1, 1, false}, {0, 2, 1, true}, {0, 1, 2, true},   {1, 1, 1, true},
                {4, 3, 1, false}, {4, 2, 2, true}, {30, 5, 5, false}, {30, 6, 5, true}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct thingpass_motion_config config = {.min_blocks = rows[i].min_blocks};
        begin_and_learn(&config);
        assert_int_equal(show(19 - rows[i].width, 0, rows[i].width, rows[i].height),
                         rows[i].moves ? THINGPASS_MOTION_MOVED : THINGPASS_MOTION_STILL);
    }
}

static void blocks_at_two_edges_are_no_neighbours(void **state) {
    (void)state;
    uint8_t row[WIDTH];
    begin_and_learn(NULL);
    assert_int_equal(thingpass_motion_begin(&m, WIDTH, HEIGHT), THINGPASS_OK);
    for (int y = 0; y < HEIGHT; y++) { // the last block of a row, the first of the next
        memset(row, 100, sizeof row);
        if (y / 8 == 4) {
            memset(row + WIDTH - 8, 200, 8);
        } else if (y / 8 == 5) {
            memset(row, 200, 8);
        }
        assert_int_equal(thingpass_motion_row(&m, row), THINGPASS_OK);
    }
    assert_int_equal(thingpass_motion_end(&m, now_ms), THINGPASS_MOTION_STILL);
}

static void ignored_blocks_never_count(void **state) {
    (void)state;
    uint8_t ignore[(THINGPASS_MOTION_BLOCKS + 7) / 8] = {0};
    for (unsigned b = 0; b < 20 * 8; b++) { // the upper eight rows of blocks
        ignore[b / 8] |= (uint8_t)(1U << (b % 8));
    }
    struct thingpass_motion_config config = {.ignore = ignore, .cooldown_ms = 1};
    begin_and_learn(&config);
    assert_int_equal(show(3, 2, 6, 6), THINGPASS_MOTION_STILL);
    assert_int_equal(show(3, 4, 6, 4), THINGPASS_MOTION_STILL);
    assert_int_equal(show(3, 8, 2, 2), THINGPASS_MOTION_MOVED);
    memset(ignore, 0xff, sizeof ignore); // nothing is left to look at
    assert_int_equal(show(9, 9, 3, 3), THINGPASS_MOTION_STILL);
}

static int show_flat(uint8_t level) {
    uint8_t row[WIDTH];
    memset(row, level, sizeof row);
    assert_int_equal(thingpass_motion_begin(&m, WIDTH, HEIGHT), THINGPASS_OK);
    for (int y = 0; y < HEIGHT; y++) {
        assert_int_equal(thingpass_motion_row(&m, row), THINGPASS_OK);
    }
    return thingpass_motion_end(&m, now_ms += SECOND);
}

static void light_is_told_from_motion(void **state) {
    (void)state;
    begin_and_learn(NULL);
    static const struct {
        uint8_t level;
        int verdict;
    } rows[] = {{109, THINGPASS_MOTION_STILL}, {140, THINGPASS_MOTION_LIGHT},
                {140, THINGPASS_MOTION_STILL}, {255, THINGPASS_MOTION_LIGHT},
                {0, THINGPASS_MOTION_LIGHT},   {0, THINGPASS_MOTION_STILL},
                {255, THINGPASS_MOTION_LIGHT}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_int_equal(show_flat(rows[i].level), rows[i].verdict);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_grid_that_is_not_possible_is_refused),
        cmocka_unit_test(a_frame_of_odd_size_is_refused),
        cmocka_unit_test(means_are_right_for_any_size),
        cmocka_unit_test(a_frame_that_was_cut_off_leaves_no_trace),
        cmocka_unit_test(a_row_too_many_spoils_the_frame),
        cmocka_unit_test(nothing_is_told_while_learning),
        cmocka_unit_test(another_size_is_learnt_anew),
        cmocka_unit_test(motion_is_told_and_then_cools_down),
        cmocka_unit_test(a_thing_that_stays_is_news_once),
        cmocka_unit_test(a_thing_that_comes_back_is_news_again),
        cmocka_unit_test(a_heartbeat_comes_when_nothing_else_does),
        cmocka_unit_test(the_area_has_a_minimum),
        cmocka_unit_test(blocks_at_two_edges_are_no_neighbours),
        cmocka_unit_test(ignored_blocks_never_count),
        cmocka_unit_test(light_is_told_from_motion),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
