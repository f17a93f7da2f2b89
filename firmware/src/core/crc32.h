// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#ifndef THINGPASS_CORE_CRC32_H
#define THINGPASS_CORE_CRC32_H

#include <stddef.h>
#include <stdint.h>

// CRC-32 as in zip, gzip and S3 (ISO/HDLC), continued: the crc of nothing is 0.
uint32_t thingpass_crc32(uint32_t crc, const void *data, size_t n);

#endif
