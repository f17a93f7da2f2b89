// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if !defined(ESP_PLATFORM)

// A frame is in memory as a whole until the next capture, like the frame buffer
// of an ESP32's camera driver: rewinding it is free.
#include "camera_scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "jpeg_encode.h"
#include "scene_draw.h"

enum { QUALITY = 80, SIDE_MIN = 16, SIDE_MAX = 4096 };

struct scene_camera {
    struct thingpass_scene scene;
    struct thingpass_scene_moment moment;
    uint8_t *jpeg;
    size_t size;
    size_t at;
};

static int read_frame(void *ctx, void *buffer, size_t cap) {
    struct scene_camera *c = ctx;
    size_t left = c->size - c->at;
    size_t n = cap < left ? cap : left;
    memcpy(buffer, c->jpeg + c->at, n);
    c->at += n;
    return (int)n;
}

static int rewind_frame(void *ctx) {
    struct scene_camera *c = ctx;
    c->at = 0;
    return THINGPASS_OK;
}

static void write_time(const struct scene_camera *c, uint64_t number, char *text, size_t cap) {
    if (c->scene.seeded) {
        uint64_t s = (number - 1) * c->scene.interval_ms / 1000;
        (void)snprintf(text, cap, "%02d:%02d:%02d", (int)(s / 3600 % 24), (int)(s / 60 % 60),
                       (int)(s % 60));
        return;
    }
    struct tm now;
    time_t t = time(NULL);
    if (localtime_r(&t, &now) == NULL || strftime(text, cap, "%H:%M:%S", &now) == 0) {
        (void)snprintf(text, cap, "--:--:--");
    }
}

static void draw(const void *ctx, int y, uint8_t *rgb) {
    thingpass_scene_draw_row(ctx, y, rgb);
}

// Where the ball is in its course: it rests before it moves, and after.
static uint32_t ball_at(const struct thingpass_scene *s, uint64_t number) {
    uint64_t last = s->moving_first + s->moving_count - 1;
    if (s->moving_count > 0 && number < s->moving_first) {
        return (uint32_t)s->moving_first;
    }
    return (uint32_t)(s->moving_count > 0 && number > last ? last : number);
}

static enum thingpass_capture capture(void *ctx, uint64_t number, struct thingpass_photo *photo) {
    struct scene_camera *c = ctx;
    char now[16];
    *photo = (struct thingpass_photo){.name = "scene"};
    free(c->jpeg);
    c->jpeg = NULL;
    c->at = 0;
    c->moment.frame = (uint32_t)number;
    c->moment.ball = ball_at(&c->scene, number);
    write_time(c, number, now, sizeof now);
    (void)snprintf(c->moment.counter, sizeof c->moment.counter, "#%06llu",
                   (unsigned long long)(number % 1000000));
    (void)snprintf(c->moment.caption, sizeof c->moment.caption, "%s %.40s", now, c->scene.thing);
    struct thingpass_pixels pixels = {c->scene.width, c->scene.height, &c->moment, draw};
    if (thingpass_jpeg_encode(&pixels, QUALITY, &c->jpeg, &c->size, &photo->why) != 0) {
        return THINGPASS_CAPTURE_FAILED;
    }
    photo->source = (struct thingpass_source){.ctx = c,
                                              .size = c->size,
                                              .content_type = "image/jpeg",
                                              .known_len = true,
                                              .rewindable = true,
                                              .read = read_frame,
                                              .rewind = rewind_frame};
    return THINGPASS_CAPTURED;
}

static void close_scene(void *ctx) {
    struct scene_camera *c = ctx;
    free(c->jpeg);
    free(c);
}

int thingpass_camera_scene(struct thingpass_camera *camera, const struct thingpass_scene *scene,
                           struct thingpass_why *why) {
    struct scene_camera *c = calloc(1, sizeof *c);
    if (c == NULL) {
        return thingpass_fail(why, THINGPASS_ESPACE, "open the scene: out of memory");
    }
    c->scene = *scene;
    c->moment = (struct thingpass_scene_moment){.width = scene->width,
                                                .height = scene->height,
                                                .noise = (int)scene->noise,
                                                .seed = scene->seed};
    *camera = (struct thingpass_camera){c, capture, close_scene};
    return THINGPASS_OK;
}

static const struct {
    const char *name;
    int width, height;
} sizes[] = {{"QVGA", 320, 240}, {"VGA", 640, 480},    {"SVGA", 800, 600},
             {"XGA", 1024, 768}, {"SXGA", 1280, 1024}, {"UXGA", 1600, 1200}};

static bool side(const char *text, char **end, int *pixels) {
    long n = *text >= '0' && *text <= '9' ? strtol(text, end, 10) : 0;
    *pixels = (int)n;
    return n >= SIDE_MIN && n <= SIDE_MAX;
}

int thingpass_scene_size(const char *text, int *width, int *height, struct thingpass_why *why) {
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        if (strcasecmp(text, sizes[i].name) == 0) {
            *width = sizes[i].width;
            *height = sizes[i].height;
            return THINGPASS_OK;
        }
    }
    char *end;
    if (side(text, &end, width) && *end == 'x' && side(end + 1, &end, height) && *end == '\0') {
        return THINGPASS_OK;
    }
    *width = 0;
    *height = 0;
    return thingpass_fail(
        why, THINGPASS_EINVAL,
        "\"%s\" is not a picture size; give QVGA, VGA, SVGA, XGA, SXGA, UXGA or WxH from 16x16 to "
        "4096x4096",
        text);
}

#endif
