// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "mega.h"

#include <string.h>

#include "driver/spi_master.h"
#include "esp_heap_caps.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "sdkconfig.h"

enum {
    // Registers, as Arducam's SDK calls them; a write sets bit 7.
    reg_sensor_reset = 0x07,
    reg_format = 0x20,
    reg_resolution = 0x21,
    reg_quality = 0x2a,
    reg_sensor_id = 0x40,
    reg_state = 0x44,
    write_bit = 0x80,

    reset_enable = 0x40,
    state_mask = 0x03,
    state_idle = 0x02,
    format_jpeg = 1,
    // Sensors from this id on number their resolutions anew.
    sensor_new = 0x85,
    resolution_uxga = 0x0a,
    resolution_uxga_old = 0x06,
    quality_default = 1,

    lead = 2, // a command, and at most one byte to be dropped
    idle_timeout_ms = 3000
};

static spi_device_handle_t device;
static uint8_t *exchange_buffer; // in memory that DMA reaches

static int transact(size_t len) {
    spi_transaction_t t = {
        .length = len * 8,
        .tx_buffer = exchange_buffer,
        .rx_buffer = exchange_buffer,
    };
    return spi_device_transmit(device, &t) == ESP_OK ? THINGPASS_OK : THINGPASS_EIO;
}

static int spi_read(void *ctx, uint8_t command, size_t skip, uint8_t *buf, size_t len) {
    (void)ctx;
    size_t total = 1 + skip + len;
    if (len > mega_burst || skip > lead) {
        return THINGPASS_EINVAL;
    }
    memset(exchange_buffer, 0, total);
    exchange_buffer[0] = command;
    int err = transact(total);
    if (err == THINGPASS_OK) {
        memcpy(buf, exchange_buffer + 1 + skip, len);
    }
    return err;
}

static int spi_write(void *ctx, uint8_t command, uint8_t value) {
    (void)ctx;
    exchange_buffer[0] = command;
    exchange_buffer[1] = value;
    return transact(2);
}

const struct thingpass_arducam_spi mega_spi = {NULL, spi_read, spi_write};

// A register's value comes behind one odd byte. 0 when the bus fails.
static uint8_t get(uint8_t reg) {
    uint8_t value = 0;
    (void)spi_read(NULL, reg, 1, &value, 1);
    return value;
}

// The sensor takes its settings by I2C, inside the camera; until it has, the next
// would be lost.
static esp_err_t wait_idle(void) {
    for (int waited_ms = 0; waited_ms < idle_timeout_ms; waited_ms += 10) {
        if ((get(reg_state) & state_mask) == state_idle) {
            return ESP_OK;
        }
        vTaskDelay(pdMS_TO_TICKS(10));
    }
    return ESP_ERR_TIMEOUT;
}

static esp_err_t set(uint8_t reg, uint8_t value) {
    return spi_write(NULL, reg | write_bit, value) == THINGPASS_OK ? wait_idle() : ESP_FAIL;
}

static esp_err_t start_bus(void) {
    const spi_bus_config_t bus = {
        .mosi_io_num = CONFIG_MEGA_MOSI,
        .miso_io_num = CONFIG_MEGA_MISO,
        .sclk_io_num = CONFIG_MEGA_SCK,
        .quadwp_io_num = -1,
        .quadhd_io_num = -1,
        .max_transfer_sz = mega_burst + 1 + lead,
    };
    const spi_device_interface_config_t camera = {
        .clock_speed_hz = CONFIG_MEGA_MHZ * 1000000,
        .mode = 0,
        .spics_io_num = CONFIG_MEGA_CS,
        .queue_size = 1,
    };
    exchange_buffer = heap_caps_malloc(mega_burst + 1 + lead, MALLOC_CAP_DMA);
    if (exchange_buffer == NULL) {
        return ESP_ERR_NO_MEM;
    }
    esp_err_t err = spi_bus_initialize(SPI2_HOST, &bus, SPI_DMA_CH_AUTO);
    return err == ESP_OK ? spi_bus_add_device(SPI2_HOST, &camera, &device) : err;
}

esp_err_t mega_set_up(void) {
    esp_err_t err = set(reg_sensor_reset, reset_enable);
    uint8_t uxga = get(reg_sensor_id) >= sensor_new ? resolution_uxga : resolution_uxga_old;
    const uint8_t settings[][2] = {
        {reg_format, format_jpeg},
        {reg_resolution, uxga},
        {reg_quality, quality_default},
    };
    for (size_t i = 0; err == ESP_OK && i < sizeof settings / sizeof *settings; i++) {
        err = set(settings[i][0], settings[i][1]);
    }
    return err;
}

esp_err_t mega_start(void) {
    esp_err_t err = start_bus();
    return err == ESP_OK ? mega_set_up() : err;
}
