// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "card.h"

#include <string.h>
#include <sys/stat.h>

#include "driver/sdspi_host.h"
#include "driver/spi_common.h"
#include "esp_vfs_fat.h"
#include "sdkconfig.h"
#include "sdmmc_cmd.h"

esp_err_t card_mount(void) {
    const spi_bus_config_t bus = {
        .mosi_io_num = CONFIG_CARD_MOSI,
        .miso_io_num = CONFIG_CARD_MISO,
        .sclk_io_num = CONFIG_CARD_SCK,
        .quadwp_io_num = -1,
        .quadhd_io_num = -1,
        .max_transfer_sz = 4096,
    };
    sdmmc_host_t host = SDSPI_HOST_DEFAULT();
    sdspi_device_config_t slot = SDSPI_DEVICE_CONFIG_DEFAULT();
    slot.gpio_cs = CONFIG_CARD_CS;
    slot.host_id = (spi_host_device_t)host.slot;
    const esp_vfs_fat_mount_config_t mount = {.max_files = 4, .allocation_unit_size = 16384};
    esp_err_t err = spi_bus_initialize(slot.host_id, &bus, SPI_DMA_CH_AUTO);
    sdmmc_card_t *card;
    return err == ESP_OK ? esp_vfs_fat_sdspi_mount(CARD, &host, &slot, &mount, &card) : err;
}

static int file_read(void *ctx, void *buf, size_t cap) {
    FILE *file = ((struct card_file *)ctx)->file;
    size_t n = fread(buf, 1, cap, file);
    return n == 0 && ferror(file) != 0 ? THINGPASS_ESOURCE : (int)n;
}

static int file_seek(void *ctx, uint64_t offset) {
    FILE *file = ((struct card_file *)ctx)->file;
    return fseek(file, (long)offset, SEEK_SET) == 0 ? THINGPASS_OK : THINGPASS_ESOURCE;
}

static int file_rewind(void *ctx) {
    return file_seek(ctx, 0);
}

static void file_close(void *ctx) {
    struct card_file *file = ctx;
    (void)fclose(file->file);
    file->file = NULL;
}

int card_file_open(struct card_file *file, const char *path, const char *content_type) {
    struct stat about;
    memset(file, 0, sizeof *file);
    if (stat(path, &about) != 0 || about.st_size < 0) {
        return THINGPASS_ESOURCE;
    }
    file->file = fopen(path, "rb");
    if (file->file == NULL) {
        return THINGPASS_ESOURCE;
    }
    file->source = (struct thingpass_source){
        .ctx = file,
        .size = (uint64_t)about.st_size,
        .content_type = content_type,
        .known_len = true,
        .rewindable = true,
        .read = file_read,
        .rewind = file_rewind,
        .seek = file_seek,
        .close = file_close,
    };
    return THINGPASS_OK;
}
