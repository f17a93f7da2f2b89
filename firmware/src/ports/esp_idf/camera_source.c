// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if defined(ESP_PLATFORM)

#include <sdkconfig.h>

// The chips that have a camera interface, and a build that has the driver.
#if defined(CONFIG_IDF_TARGET_ESP32) || defined(CONFIG_IDF_TARGET_ESP32S2) ||                      \
    defined(CONFIG_IDF_TARGET_ESP32S3)
#if __has_include(<esp_camera.h>)
#define HAS_CAMERA 1
#endif
#endif

#if defined(HAS_CAMERA)

#include <string.h>

#include <esp_camera.h>
#include <img_converters.h>

#include "jpeg_frame.h"
#include "thingpass/esp_camera_source.h"
#include "thingpass/jpeg.h"

static const camera_fb_t *frame_of(const struct thingpass_esp_picture *picture) {
    return picture->frame;
}

static int read_bytes(void *ctx, void *buf, size_t cap) {
    struct thingpass_esp_picture *p = ctx;
    if (p->frame == NULL) {
        return THINGPASS_ESOURCE;
    }
    size_t n = (size_t)p->source.size - p->at;
    n = n < cap ? n : cap;
    memcpy(buf, frame_of(p)->buf + p->at, n);
    p->at += n;
    return (int)n;
}

static int go_to(void *ctx, uint64_t offset) {
    struct thingpass_esp_picture *p = ctx;
    if (p->frame == NULL || offset > p->source.size) {
        return THINGPASS_ESOURCE;
    }
    p->at = (size_t)offset;
    return THINGPASS_OK;
}

static int go_back(void *ctx) {
    return go_to(ctx, 0);
}

static void give_back(void *ctx) {
    struct thingpass_esp_picture *p = ctx;
    if (p->frame != NULL) {
        esp_camera_fb_return(p->frame);
        p->frame = NULL;
    }
}

void thingpass_esp_picture_close(struct thingpass_esp_picture *picture) {
    give_back(picture);
}

static int discard_frames(unsigned discard) {
    for (; discard > 0; discard--) {
        camera_fb_t *stale = esp_camera_fb_get();
        if (stale == NULL) {
            return THINGPASS_ESOURCE;
        }
        esp_camera_fb_return(stale);
    }
    return THINGPASS_OK;
}

int thingpass_esp_picture_take(struct thingpass_esp_picture *picture, unsigned discard) {
    memset(picture, 0, sizeof *picture);
    if (discard_frames(discard) != THINGPASS_OK) {
        return THINGPASS_ESOURCE;
    }
    camera_fb_t *frame = esp_camera_fb_get();
    if (frame == NULL) {
        return THINGPASS_ESOURCE;
    }
    size_t size =
        frame->format == PIXFORMAT_JPEG ? thingpass_jpeg_is_whole(frame->buf, frame->len) : 0;
    if (size == 0) {
        esp_camera_fb_return(frame);
        return THINGPASS_ESOURCE;
    }
    picture->frame = frame;
    picture->width = (uint16_t)frame->width;
    picture->height = (uint16_t)frame->height;
    // The driver's time stamp is since boot, like our clock.
    picture->captured_ms =
        (uint64_t)frame->timestamp.tv_sec * 1000 + (uint64_t)frame->timestamp.tv_usec / 1000;
    picture->source = (struct thingpass_source){.ctx = picture,
                                                .size = size,
                                                .content_type = "image/jpeg",
                                                .known_len = true,
                                                .rewindable = true,
                                                .read = read_bytes,
                                                .rewind = go_back,
                                                .close = give_back,
                                                .seek = go_to};
    return THINGPASS_OK;
}

int thingpass_esp_picture_luma(const struct thingpass_esp_picture *picture, uint8_t *buffer,
                               size_t cap, uint16_t *width, uint16_t *height) {
    const camera_fb_t *frame = frame_of(picture);
    uint16_t w;
    uint16_t h;
    *width = *height = 0;
    if (frame == NULL || !thingpass_jpeg_frame_size(frame->buf, frame->len, &w, &h) || w % 8 != 0 ||
        h % 8 != 0) {
        return THINGPASS_ESOURCE;
    }
    size_t pixels = (size_t)(w / 8) * (h / 8);
    if (pixels > cap / 2) {
        return THINGPASS_ESPACE;
    }
    if (!jpg2rgb565(frame->buf, (size_t)picture->source.size, buffer, JPG_SCALE_8X)) {
        return THINGPASS_ESOURCE;
    }
    thingpass_luma_of_rgb565(buffer, pixels);
    *width = w / 8;
    *height = h / 8;
    return THINGPASS_OK;
}

int thingpass_esp_capture(struct thingpass_esp *esp, const struct thingpass_object *object,
                          unsigned discard, uint32_t timeout_ms, struct thingpass_result *result,
                          bool *spooled) {
    struct thingpass_esp_picture picture;
    struct thingpass_object shot = *object;
    int rc = thingpass_esp_picture_take(&picture, discard);
    if (rc != THINGPASS_OK) {
        if (result != NULL) {
            *result = (struct thingpass_result){.err = rc, .id = "", .object_key = ""};
        }
        return rc;
    }
    shot.source = &picture.source;
    shot.captured_ms = picture.captured_ms;
    rc = thingpass_esp_store(esp, &shot, timeout_ms, result, spooled);
    thingpass_esp_picture_close(&picture); // an upload has done it; nobody else has
    return rc;
}

#endif
#endif
