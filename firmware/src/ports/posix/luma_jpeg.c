// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if !defined(ESP_PLATFORM)

#include "luma_jpeg.h"

#include <setjmp.h>
#include <stdio.h> // jpeglib.h needs it first
#include <stdlib.h>

#include <jpeglib.h>

// libjpeg ends the process on an error, and goes on after damage, unless its
// handlers jump away.
struct decoder {
    struct jpeg_decompress_struct jpeg; // first: libjpeg hands us a pointer to it
    struct jpeg_error_mgr errors;
    jmp_buf failed;
    uint8_t row[THINGPASS_MOTION_SIDE_MAX];
};

static void give_up(j_common_ptr common) {
    struct decoder *d = (struct decoder *)common;
    longjmp(d->failed, 1);
}

static void warn(j_common_ptr common, int level) {
    if (level < 0) { // damaged data
        give_up(common);
    }
}

static int decode(struct decoder *d, struct thingpass_motion *motion, const void *jpeg, size_t size,
                  struct thingpass_why *why) {
    if (setjmp(d->failed) != 0) {
        char text[JMSG_LENGTH_MAX];
        d->errors.format_message((j_common_ptr)&d->jpeg, text);
        return thingpass_fail(why, THINGPASS_ESOURCE, "decode a JPEG of %zu bytes: %s", size, text);
    }
    jpeg_create_decompress(&d->jpeg);
    jpeg_mem_src(&d->jpeg, jpeg, size);
    (void)jpeg_read_header(&d->jpeg, TRUE);
    d->jpeg.out_color_space = JCS_GRAYSCALE;
    d->jpeg.scale_num = 1;
    d->jpeg.scale_denom = 8;
    (void)jpeg_start_decompress(&d->jpeg);
    unsigned width = d->jpeg.output_width;
    unsigned height = d->jpeg.output_height;
    if (thingpass_motion_begin(motion, width, height) < 0) {
        return thingpass_fail(why, THINGPASS_EINVAL,
                              "look for motion: a picture of %ux%u is too small or too large",
                              d->jpeg.image_width, d->jpeg.image_height);
    }
    while (d->jpeg.output_scanline < height) {
        JSAMPROW row = d->row;
        (void)jpeg_read_scanlines(&d->jpeg, &row, 1);
        (void)thingpass_motion_row(motion, d->row);
    }
    (void)jpeg_finish_decompress(&d->jpeg);
    return THINGPASS_OK;
}

int thingpass_luma_jpeg(struct thingpass_motion *motion, const void *jpeg, size_t size,
                        struct thingpass_why *why) {
    struct decoder *d = calloc(1, sizeof *d);
    if (d == NULL) {
        return thingpass_fail(why, THINGPASS_ESPACE, "decode a JPEG: out of memory");
    }
    d->jpeg.err = jpeg_std_error(&d->errors);
    d->errors.error_exit = give_up;
    d->errors.emit_message = warn;
    int err = decode(d, motion, jpeg, size, why);
    jpeg_destroy_decompress(&d->jpeg);
    free(d);
    if (err < 0) {
        (void)thingpass_motion_begin(motion, 0, 0); // forget the rows that there were
    }
    return err;
}

#endif
