// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if !defined(ESP_PLATFORM)

#include "jpeg_encode.h"

#include <setjmp.h>
#include <stdio.h> // jpeglib.h needs it first
#include <stdlib.h>

#include <jpeglib.h>

// libjpeg ends the process on an error unless its handler jumps away.
struct encoder {
    struct jpeg_compress_struct jpeg; // first: libjpeg hands us a pointer to it
    struct jpeg_error_mgr errors;
    jmp_buf failed;
    uint8_t *row;
    unsigned char *out;
    unsigned long out_size;
};

static void give_up(j_common_ptr common) {
    struct encoder *e = (struct encoder *)common;
    longjmp(e->failed, 1);
}

static void configure(struct encoder *e, const struct thingpass_pixels *pixels, int quality) {
    jpeg_create_compress(&e->jpeg);
    jpeg_mem_dest(&e->jpeg, &e->out, &e->out_size);
    e->jpeg.image_width = (JDIMENSION)pixels->width;
    e->jpeg.image_height = (JDIMENSION)pixels->height;
    e->jpeg.input_components = 3;
    e->jpeg.in_color_space = JCS_RGB;
    jpeg_set_defaults(&e->jpeg);
    jpeg_set_quality(&e->jpeg, quality, TRUE);
    e->jpeg.comp_info[0].h_samp_factor = 2;
    e->jpeg.comp_info[0].v_samp_factor = 1;
}

static void compress_rows(struct encoder *e, const struct thingpass_pixels *pixels) {
    jpeg_start_compress(&e->jpeg, TRUE);
    for (int y = 0; y < pixels->height; y++) {
        pixels->row(pixels->ctx, y, e->row);
        (void)jpeg_write_scanlines(&e->jpeg, &e->row, 1);
    }
    jpeg_finish_compress(&e->jpeg);
}

static int encode(struct encoder *e, const struct thingpass_pixels *pixels, int quality,
                  struct thingpass_why *why) {
    if (setjmp(e->failed) != 0) {
        char text[JMSG_LENGTH_MAX];
        e->errors.format_message((j_common_ptr)&e->jpeg, text);
        return thingpass_fail(why, -1, "encode a %dx%d JPEG: %s", pixels->width, pixels->height,
                              text);
    }
    configure(e, pixels, quality);
    compress_rows(e, pixels);
    return 0;
}

int thingpass_jpeg_encode(const struct thingpass_pixels *pixels, int quality, uint8_t **jpeg,
                          size_t *size, struct thingpass_why *why) {
    *jpeg = NULL;
    *size = 0;
    struct encoder *e = calloc(1, sizeof *e);
    uint8_t *row = malloc((size_t)pixels->width * 3);
    if (e == NULL || row == NULL) {
        free(e);
        free(row);
        return thingpass_fail(why, -1, "encode a %dx%d JPEG: out of memory", pixels->width,
                              pixels->height);
    }
    e->row = row;
    e->jpeg.err = jpeg_std_error(&e->errors);
    e->errors.error_exit = give_up;
    int rc = encode(e, pixels, quality, why);
    jpeg_destroy_compress(&e->jpeg);
    if (rc == 0) {
        *jpeg = e->out;
        *size = e->out_size;
    } else {
        free(e->out);
    }
    free(row);
    free(e);
    return rc;
}

#endif
