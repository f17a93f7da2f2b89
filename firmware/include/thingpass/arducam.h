// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// An Arducam Mega as a source: takes a picture and reads the camera's FIFO.
//
// Resolution, quality and the like are set with Arducam's SDK or by writes of
// your own; taking the picture is done here, because the SDK waits for the sensor
// in a loop without an end, and because reading has two traps:
//
// - the first burst after a capture begins with one byte that is not the
//   picture's. It is dropped here and nowhere else, so do not read the FIFO by
//   other means as well;
// - the length is the FIFO's and may count padding behind the picture.
//
// Written from the SDK's sources and tested with a simulated camera.

#ifndef THINGPASS_ARDUCAM_H
#define THINGPASS_ARDUCAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "thingpass/sources.h"

#ifdef __cplusplus
extern "C" {
#endif

// The SPI bus with the camera on it, mode 0, most significant bit first.
struct thingpass_arducam_spi {
    void *ctx;

    // One transaction, chip select low during all of it: sends command, then
    // skip + len zeros, and puts what comes back for the last len of them into
    // buf. Returns THINGPASS_OK, THINGPASS_EAGAIN when the bus is taken and nothing
    // was sent, or < 0.
    int (*read)(void *ctx, uint8_t command, size_t skip, uint8_t *buf, size_t len);

    // One transaction: sends command and value. Returns THINGPASS_OK or < 0.
    int (*write)(void *ctx, uint8_t command, uint8_t value);
};

// Its members are the adapter's, but for fifo once the picture is there.
struct thingpass_arducam {
    struct thingpass_fifo fifo;
    const struct thingpass_arducam_spi *spi;
    uint16_t max_burst;
    bool burst_begun; // the odd byte has been dropped
};

// Begins to take a picture; the one before is gone. spi must outlive camera;
// max_burst (> 0) is how many bytes one spi->read may bring: 255 as with
// Arducam's class for Arduino, or what one DMA transfer takes. Returns
// THINGPASS_OK, or < 0 as spi->write did.
int thingpass_arducam_capture(struct thingpass_arducam *camera,
                              const struct thingpass_arducam_spi *spi, uint16_t max_burst);

// Looks whether the picture is there. Returns THINGPASS_EAGAIN while it is not:
// call again after some milliseconds, but not forever (a sensor that lost its
// settings never finishes: two seconds are plenty). On THINGPASS_OK
// camera->fifo.source is ready for one upload, with check_jpeg set; do not call
// it again then.
// THINGPASS_ESOURCE: the camera says that the picture is empty. Otherwise < 0 as
// spi->read returned.
int thingpass_arducam_ready(struct thingpass_arducam *camera);

#ifdef __cplusplus
}
#endif

#endif
