// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if defined(ESP_PLATFORM)

#include "identity_nvs.h"

#include <stdlib.h>
#include <string.h>

#include <esp_log.h>
#include <nvs.h>

#include "csr.h"
#include "thing.h"

static const char tag[] = "thingpass";

enum { text_max = 4000 }; // bytes of a string in NVS, with its NUL

struct name {
    char text[6];
};

static struct name name_of(unsigned slot, enum thingpass_identity_item item) {
    static const struct name names[] = {{"key0"}, {"cert0"}, {"rec0"}, {"ok0"}};
    struct name name = names[item];
    name.text[strlen(name.text) - 1] = (char)('0' + slot);
    return name;
}

static int said(esp_err_t err) {
    switch (err) {
    case ESP_OK:
        return THINGPASS_OK;
    case ESP_ERR_NVS_NOT_FOUND: // the namespace, or the string in it
        return THINGPASS_ENOENT;
    case ESP_ERR_NVS_NOT_ENOUGH_SPACE:
        return THINGPASS_EFULL;
    case ESP_ERR_NVS_VALUE_TOO_LONG:
    case ESP_ERR_NO_MEM:
        return THINGPASS_ESPACE;
    default:
        return THINGPASS_EIO;
    }
}

void thingpass_nvs_wipe(char *text) {
    volatile char *at = text;
    while (at != NULL && *at != '\0') {
        *at++ = '\0';
    }
    free(text);
}

// Writes a NUL-terminated text, or with NULL erases it.
static int put(const struct thingpass_nvs_keeper *k, unsigned slot,
               enum thingpass_identity_item item, const char *text) {
    struct name name = name_of(slot, item);
    nvs_handle_t nvs;
    esp_err_t err = nvs_open(k->name_space, NVS_READWRITE, &nvs);
    if (err != ESP_OK) {
        ESP_LOGE(tag, "NVS says 0x%x; has nvs_flash_init() been called?", (unsigned)err);
        return said(err);
    }
    err = text != NULL ? nvs_set_str(nvs, name.text, text) : nvs_erase_key(nvs, name.text);
    if (text == NULL && err == ESP_ERR_NVS_NOT_FOUND) {
        err = ESP_OK;
    }
    if (err == ESP_OK) {
        err = nvs_commit(nvs);
    }
    nvs_close(nvs);
    return said(err);
}

static int write_item(void *ctx, unsigned slot, enum thingpass_identity_item item, const void *data,
                      size_t n) {
    const struct thingpass_nvs_keeper *k = ctx;
    if (n >= text_max) {
        return THINGPASS_ESPACE;
    }
    char *text = malloc(n + 1);
    if (text == NULL) {
        return THINGPASS_ESPACE;
    }
    memcpy(text, data, n);
    text[n] = '\0';
    int rc = THINGPASS_OK;
    if (item == THINGPASS_IDENTITY_CERT) {
        char *key = thingpass_nvs_keeper_key(k, slot, &rc);
        rc = key != NULL ? thingpass_csr_check_pair(key, text) : rc;
        thingpass_nvs_wipe(key);
    }
    if (rc == THINGPASS_OK) {
        rc = put(k, slot, item, text);
    }
    free(text);
    return rc;
}

static int erase_item(void *ctx, unsigned slot, enum thingpass_identity_item item) {
    return put(ctx, slot, item, NULL);
}

char *thingpass_nvs_keeper_key(const struct thingpass_nvs_keeper *keeper, unsigned slot, int *rc) {
    struct name name = name_of(slot, THINGPASS_IDENTITY_KEY);
    nvs_handle_t nvs;
    size_t size = 0;
    *rc = said(nvs_open(keeper->name_space, NVS_READONLY, &nvs));
    if (*rc != THINGPASS_OK) {
        return NULL;
    }
    char *text = NULL;
    *rc = said(nvs_get_str(nvs, name.text, NULL, &size));
    if (*rc == THINGPASS_OK) {
        text = malloc(size);
        *rc = text != NULL ? said(nvs_get_str(nvs, name.text, text, &size)) : THINGPASS_ESPACE;
    }
    nvs_close(nvs);
    if (*rc != THINGPASS_OK) {
        free(text);
        return NULL;
    }
    return text;
}

static int get(nvs_handle_t nvs, const char *name, char *buf, size_t cap) {
    size_t size = 0;
    int rc = said(nvs_get_str(nvs, name, NULL, &size));
    if (rc != THINGPASS_OK || size == 0) {
        return rc != THINGPASS_OK ? rc : THINGPASS_EIO;
    }
    if (size - 1 > cap) {
        return THINGPASS_ESPACE;
    }
    char *text = malloc(size); // NVS writes a NUL, for which buf need have no room
    if (text == NULL) {
        return THINGPASS_EIO; // not ESPACE: the item may be fine
    }
    rc = said(nvs_get_str(nvs, name, text, &size));
    if (rc == THINGPASS_OK) {
        memcpy(buf, text, size - 1);
    }
    free(text);
    return rc == THINGPASS_OK ? (int)(size - 1) : rc;
}

static int read_item(void *ctx, unsigned slot, enum thingpass_identity_item item, void *buf,
                     size_t cap) {
    const struct thingpass_nvs_keeper *k = ctx;
    struct name name = name_of(slot, item);
    nvs_handle_t nvs;
    size_t size = 0;
    int rc = said(nvs_open(k->name_space, NVS_READONLY, &nvs));
    if (rc != THINGPASS_OK) {
        return rc;
    }
    rc = item == THINGPASS_IDENTITY_KEY ? said(nvs_get_str(nvs, name.text, NULL, &size))
                                        : get(nvs, name.text, buf, cap);
    nvs_close(nvs);
    return rc;
}

static int make_csr(void *ctx, unsigned slot, char *pem, size_t cap) {
    const struct thingpass_nvs_keeper *k = ctx;
    int rc;
    char *key = thingpass_nvs_keeper_key(k, slot, &rc);
    if (key == NULL && rc != THINGPASS_ENOENT) {
        return rc;
    }
    if (key != NULL && !thingpass_csr_key_ok(key)) {
        thingpass_nvs_wipe(key);
        key = NULL;
    }
    if (key == NULL) {
        key = thingpass_csr_new_key(&rc);
        rc = key != NULL ? put(k, slot, THINGPASS_IDENTITY_KEY, key) : rc;
    }
    if (rc == THINGPASS_OK) {
        rc = thingpass_csr_write(key, pem, cap);
    }
    thingpass_nvs_wipe(key);
    return rc;
}

void thingpass_nvs_keeper_init(struct thingpass_nvs_keeper *keeper, const char *name_space) {
    keeper->keeper = (struct thingpass_keeper){keeper, make_csr, write_item, read_item, erase_item};
    keeper->name_space = name_space;
}

#endif
