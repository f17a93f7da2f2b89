// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if defined(ESP_PLATFORM)

// What NVS keeps of a thing. The names and rules are in provision_rules.c.

#include <stdlib.h>
#include <string.h>

#include <esp_log.h>
#include <nvs.h>

#include "provision_rules.h"
#include "thing.h"

static const char tag[] = "thingpass";

static int said(esp_err_t err) {
    switch (err) {
    case ESP_OK:
        return THINGPASS_OK;
    case ESP_ERR_NVS_NOT_ENOUGH_SPACE:
    case ESP_ERR_NVS_VALUE_TOO_LONG:
    case ESP_ERR_NO_MEM:
        return THINGPASS_ESPACE;
    case ESP_ERR_NVS_INVALID_NAME:
    case ESP_ERR_NVS_KEY_TOO_LONG:
        return THINGPASS_EINVAL;
    default:
        return THINGPASS_EIO;
    }
}

static char *read_text(nvs_handle_t nvs, const char *name, int *rc) {
    size_t size = 0;
    *rc = said(nvs_get_str(nvs, name, NULL, &size));
    char *text = *rc == THINGPASS_OK ? malloc(size) : NULL;
    if (*rc == THINGPASS_OK && text == NULL) {
        *rc = THINGPASS_ESPACE;
    }
    if (text != NULL) {
        *rc = said(nvs_get_str(nvs, name, text, &size));
        if (*rc != THINGPASS_OK) {
            free(text);
            text = NULL;
        }
    }
    return text;
}

char *thingpass_nvs_text(const char *name_space, const char *name, int *rc) {
    nvs_handle_t nvs;
    *rc = said(nvs_open(name_space, NVS_READONLY, &nvs));
    if (*rc != THINGPASS_OK) {
        return NULL;
    }
    char *text = read_text(nvs, name, rc);
    nvs_close(nvs);
    return text;
}

// Writes the text of one field, or erases it.
static esp_err_t write_text(nvs_handle_t nvs, const char *name, const char *text) {
    if (text == NULL) {
        return ESP_OK;
    }
    if (text[0] != '\0') {
        return nvs_set_str(nvs, name, text);
    }
    esp_err_t err = nvs_erase_key(nvs, name);
    return err == ESP_ERR_NVS_NOT_FOUND ? ESP_OK : err;
}

int thingpass_esp_provision(const char *nvs_namespace,
                            const struct thingpass_esp_provision *provision) {
    const struct thingpass_provision_field *wrong;
    int rc = thingpass_provision_check(provision, THINGPASS_NVS_STRING_MAX, &wrong);
    if (rc != THINGPASS_OK) {
        ESP_LOGE(tag, "provision: %s is not as it should be", wrong->name);
        return rc;
    }
    nvs_handle_t nvs;
    esp_err_t err = nvs_open(nvs_namespace, NVS_READWRITE, &nvs);
    if (err != ESP_OK) {
        ESP_LOGE(tag, "provision: NVS says 0x%x; has nvs_flash_init() been called?", (unsigned)err);
        return said(err);
    }
    for (size_t i = 0; err == ESP_OK && i < thingpass_provision_field_count; i++) {
        const struct thingpass_provision_field *field = &thingpass_provision_fields[i];
        err = write_text(nvs, field->name, thingpass_provision_text(provision, field));
    }
    if (err == ESP_OK) {
        err = nvs_commit(nvs);
    }
    nvs_close(nvs);
    return said(err);
}

bool thingpass_esp_is_provisioned(const char *nvs_namespace) {
    nvs_handle_t nvs;
    if (nvs_open(nvs_namespace, NVS_READONLY, &nvs) != ESP_OK) {
        return false;
    }
    bool all = true;
    for (size_t i = 0; i < thingpass_provision_field_count; i++) {
        size_t size = 0;
        const struct thingpass_provision_field *field = &thingpass_provision_fields[i];
        all = all && (!field->needed ||
                      (nvs_get_str(nvs, field->name, NULL, &size) == ESP_OK && size > 1));
    }
    nvs_close(nvs);
    return all;
}

#endif
