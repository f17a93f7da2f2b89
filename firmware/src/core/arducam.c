// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "thingpass/arducam.h"

enum {
    FIFO_CONTROL = 0x04,
    FIFO_CLEAR = 0x01,
    FIFO_START = 0x02,
    TRIGGER = 0x44,
    CAPTURE_DONE = 0x04,
    FIFO_SIZE = 0x45, // and the two behind it, least significant first
    READ_BURST = 0x3c,
    WRITE = 0x80 // added to a register's number
};

static int read_register(const struct thingpass_arducam *camera, uint8_t number, uint8_t *value) {
    return camera->spi->read(camera->spi->ctx, number, 1, value, 1);
}

static int write_fifo_control(const struct thingpass_arducam *camera, uint8_t value) {
    return camera->spi->write(camera->spi->ctx, FIFO_CONTROL | WRITE, value);
}

int thingpass_arducam_capture(struct thingpass_arducam *camera,
                              const struct thingpass_arducam_spi *spi, uint16_t max_burst) {
    const struct thingpass_arducam fresh = {.spi = spi, .max_burst = max_burst};
    *camera = fresh;
    int err = write_fifo_control(camera, FIFO_CLEAR);
    return err < 0 ? err : write_fifo_control(camera, FIFO_START);
}

static int read_burst(void *ctx, uint8_t *buf, size_t cap) {
    struct thingpass_arducam *camera = ctx;
    size_t odd = camera->burst_begun ? 0 : 1;
    int err = camera->spi->read(camera->spi->ctx, READ_BURST, odd, buf, cap);
    if (err < 0) {
        return err;
    }
    camera->burst_begun = true;
    return (int)cap;
}

int thingpass_arducam_ready(struct thingpass_arducam *camera) {
    uint8_t value = 0;
    int err = read_register(camera, TRIGGER, &value);
    if (err < 0 || (value & CAPTURE_DONE) == 0) {
        return err < 0 ? err : THINGPASS_EAGAIN;
    }
    uint32_t size = 0;
    for (unsigned i = 0; i < 3; i++) {
        err = read_register(camera, (uint8_t)(FIFO_SIZE + i), &value);
        if (err < 0) {
            return err;
        }
        size |= (uint32_t)value << (8 * i);
    }
    if (size == 0) {
        return THINGPASS_ESOURCE;
    }
    (void)thingpass_source_fifo(&camera->fifo, size, camera->max_burst, read_burst, camera,
                                "image/jpeg");
    camera->fifo.check_jpeg = true;
    return THINGPASS_OK;
}
