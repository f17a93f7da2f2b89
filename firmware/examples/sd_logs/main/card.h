// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// The SD card, and its files as sources.

#ifndef CARD_H
#define CARD_H

#include <stdio.h>

#include "esp_err.h"
#include "thingpass/types.h"

#define CARD "/sd"

// Mounts the card at CARD. ESP_ERR_TIMEOUT, ESP_ERR_NOT_FOUND: no card answers.
esp_err_t card_mount(void);

// A file of the card to be uploaded: rewindable, and can seek, so that parts are
// sent again without reading the file from its beginning.
struct card_file {
    struct thingpass_source source;
    FILE *file;
};

// Opens a file. The upload closes it. Returns THINGPASS_OK or THINGPASS_ESOURCE.
int card_file_open(struct card_file *file, const char *path, const char *content_type);

#endif
