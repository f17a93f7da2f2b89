// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#ifndef THINGPASS_POSIX_LUMA_JPEG_H
#define THINGPASS_POSIX_LUMA_JPEG_H

#include <stddef.h>
#include <stdint.h>

#include "thingpass/motion.h"
#include "why.h"

// Decodes the luma of a JPEG at 1/8 of its size, rounded up, into a frame of
// motion; thingpass_motion_end() is the caller's. Returns THINGPASS_OK,
// THINGPASS_ESOURCE when it is no whole and sound JPEG, or THINGPASS_EINVAL when
// it is too small or too large for motion. Then no frame is at hand.
int thingpass_luma_jpeg(struct thingpass_motion *motion, const void *jpeg, size_t size,
                        struct thingpass_why *why);

#endif
