// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if defined(ESP_PLATFORM)

// An update: download.h into the next OTA partition, by update.c. A note in NVS
// says how far it came, another one which version runs.

#include <stdlib.h>
#include <string.h>

#include <esp_log.h>
#include <esp_ota_ops.h>
#include <esp_partition.h>
#include <nvs.h>

#include "thing.h"
#include "thingpass/download.h"
#include "update.h"

static const char tag[] = "thingpass";
static const char name_space[] = "thingpass_ota";
static const char note_name[] = "note";
static const char next_name[] = "next"; // what was made to boot next, in the end

// Which version lies in which partition, and what its image calls itself: one that
// was flashed by cable is another.
struct label {
    uint32_t partition;
    uint8_t elf_sha256[32];
    char version[THINGPASS_UPDATE_VERSION_MAX + 1];
};

struct ota {
    struct thingpass_download download; // what the core reads
    struct thingpass_sink sink;
    struct thingpass_update_flash flash;
    struct thingpass_update update;
    struct thingpass_update_note note;
    const esp_partition_t *partition;
    bool noted;                                          // the version is short enough for notes
    char from_version[THINGPASS_UPDATE_VERSION_MAX + 1]; // the note changes meanwhile
    struct label running;
};

static int said(esp_err_t err) {
    return err == ESP_OK ? THINGPASS_OK : THINGPASS_EIO;
}

// ── Notes ──

static size_t load(const char *name, void *data, size_t size) {
    nvs_handle_t nvs;
    if (nvs_open(name_space, NVS_READONLY, &nvs) != ESP_OK) {
        return 0;
    }
    esp_err_t err = nvs_get_blob(nvs, name, data, &size);
    nvs_close(nvs);
    return err == ESP_OK ? size : 0;
}

// Without a note an update that breaks off begins anew: not worth failing for.
static void save(const char *name, const void *data, size_t size) {
    nvs_handle_t nvs;
    esp_err_t err = nvs_open(name_space, NVS_READWRITE, &nvs);
    if (err != ESP_OK) {
        return;
    }
    err = size > 0 ? nvs_set_blob(nvs, name, data, size) : nvs_erase_key(nvs, name);
    if (err == ESP_OK) {
        err = nvs_commit(nvs);
    }
    if (err != ESP_OK && err != ESP_ERR_NVS_NOT_FOUND) {
        ESP_LOGW(tag, "ota: NVS says 0x%x", (unsigned)err);
    }
    nvs_close(nvs);
}

static bool describe(const esp_partition_t *partition, struct label *label) {
    esp_app_desc_t about;
    memset(label, 0, sizeof *label);
    if (partition == NULL || esp_ota_get_partition_description(partition, &about) != ESP_OK) {
        return false;
    }
    label->partition = partition->address;
    memcpy(label->elf_sha256, about.app_elf_sha256, sizeof label->elf_sha256);
    return true;
}

// The version that runs, if an update brought it.
static const char *running_version(struct ota *ota) {
    struct label now;
    if (load(next_name, &ota->running, sizeof ota->running) != sizeof ota->running ||
        !describe(esp_ota_get_running_partition(), &now) ||
        now.partition != ota->running.partition ||
        memcmp(now.elf_sha256, ota->running.elf_sha256, sizeof now.elf_sha256) != 0 ||
        memchr(ota->running.version, '\0', sizeof ota->running.version) == NULL ||
        ota->running.version[0] == '\0') {
        return NULL;
    }
    return ota->running.version;
}

// ── Flash ──

static int flash_erase(void *ctx, uint32_t offset, uint32_t len) {
    return said(esp_partition_erase_range(((struct ota *)ctx)->partition, offset, len));
}

static int flash_write(void *ctx, uint32_t offset, const void *data, uint32_t len) {
    return said(esp_partition_write(((struct ota *)ctx)->partition, offset, data, len));
}

// ── The sink ──

static int sink_begin(void *ctx, const char *version, uint32_t size, uint32_t offset) {
    struct ota *ota = ctx;
    int rc = thingpass_update_begin(&ota->update, &ota->flash, size, offset);
    if (rc < 0) {
        return rc;
    }
    ota->noted =
        thingpass_update_note_make(&ota->note, ota->partition->address, version, size, offset);
    if (offset == 0) {
        save(note_name, NULL, 0); // what it says is void
    }
    ESP_LOGI(tag, "ota: %u bytes, from %u", (unsigned)size, (unsigned)offset);
    return THINGPASS_OK;
}

static void note_progress(struct ota *ota) {
    uint32_t done = thingpass_update_note_due(&ota->update);
    if (ota->noted && done != 0) {
        ota->note.done = done;
        ota->update.noted = done;
        save(note_name, &ota->note, sizeof ota->note);
    }
}

static int sink_write(void *ctx, const void *data, size_t n) {
    struct ota *ota = ctx;
    int rc = thingpass_update_write(&ota->update, data, n);
    if (rc == THINGPASS_OK) {
        note_progress(ota);
    }
    return rc;
}

static int sink_read(void *ctx, uint32_t offset, void *buf, size_t cap) {
    struct ota *ota = ctx;
    uint32_t size = ota->partition->size;
    if (offset >= size) {
        return 0;
    }
    cap = cap < size - offset ? cap : size - offset;
    int rc = said(esp_partition_read(ota->partition, offset, buf, cap));
    return rc < 0 ? rc : (int)cap;
}

static int sink_end(void *ctx, int err) {
    struct ota *ota = ctx;
    if (err == THINGPASS_OK || err == THINGPASS_ECORRUPT) {
        save(note_name, NULL, 0);
    }
    return err == THINGPASS_OK ? thingpass_update_end(&ota->update) : THINGPASS_OK;
}

// ── The job ──

// Asks ESP-IDF whether an update may be written, and where to. What it opens for
// that is given back: writing is ours.
static int choose_partition(struct ota *ota) {
    esp_ota_handle_t handle;
    ota->partition = esp_ota_get_next_update_partition(NULL);
    if (ota->partition == NULL) {
        ESP_LOGE(tag, "ota: the partition table has no second OTA partition");
        return THINGPASS_EINVAL;
    }
    esp_err_t err = esp_ota_begin(ota->partition, OTA_WITH_SEQUENTIAL_WRITES, &handle);
    if (err != ESP_OK) {
        ESP_LOGE(tag, "ota: ESP-IDF says 0x%x", (unsigned)err);
        return THINGPASS_EIO;
    }
    (void)esp_ota_abort(handle);
    return THINGPASS_OK;
}

static int start(struct thingpass_esp *esp, struct thingpass_esp_job *job) {
    struct ota *ota = job->own;
    int rc = choose_partition(ota);
    if (rc != THINGPASS_OK) {
        return rc;
    }
    uint32_t size = ota->partition->size;
    ota->flash = (struct thingpass_update_flash){ota, size, flash_erase, flash_write};
    ota->sink = (struct thingpass_sink){ota, sink_begin, sink_write, sink_read, sink_end};
    struct thingpass_download *d = &ota->download;
    size_t found = load(note_name, &ota->note, sizeof ota->note);
    d->sink = &ota->sink;
    d->from = thingpass_update_resume_at(&ota->note, found, ota->partition->address, size);
    if (d->from != 0) {
        memcpy(ota->from_version, ota->note.version, sizeof ota->from_version);
    }
    d->from_version = d->from != 0 ? ota->from_version : NULL;
    d->have_version = running_version(ota);
    d->have_sha256 = NULL;
    d->max_size = d->max_size != 0 && d->max_size < size ? d->max_size : size;
    return thingpass_download_start(&esp->core, d);
}

static int make_it_boot(struct thingpass_esp *esp, struct ota *ota) {
    // It checks the image's own checksum, and its signature where there is one.
    esp_err_t err = esp_ota_set_boot_partition(ota->partition);
    if (err != ESP_OK) {
        ESP_LOGE(tag, "ota: this is no image for this chip, or not a whole one (0x%x)",
                 (unsigned)err);
        return THINGPASS_ECORRUPT;
    }
    struct label next;
    const char *version = thingpass_download_version(&esp->core);
    size_t n = strlen(version);
    if (describe(ota->partition, &next) && n < sizeof next.version) {
        memcpy(next.version, version, n);
        save(next_name, &next, sizeof next);
    }
    return THINGPASS_OK;
}

static void ended(struct thingpass_esp *esp, struct thingpass_esp_job *job,
                  struct thingpass_result *result) {
    if (result->err != THINGPASS_OK || result->verified == THINGPASS_VERIFIED_UNCHANGED) {
        return;
    }
    result->err = result->verified == THINGPASS_VERIFIED_SHA256 ? make_it_boot(esp, job->own)
                                                                : THINGPASS_EMISMATCH;
    if (result->err != THINGPASS_OK) {
        result->verified = THINGPASS_VERIFIED_NOT;
    }
}

static void release(struct thingpass_esp_job *job, bool started) {
    (void)started;
    free(job->own);
}

static const struct thingpass_esp_job_kind update_job = {
    .start = start, .ended = ended, .release = release, .well = THINGPASS_ESP_FETCHED};

int thingpass_esp_ota(struct thingpass_esp *esp, const struct thingpass_download *update,
                      thingpass_esp_done_fn done, void *ctx) {
    // Without a proven image there is nothing to fall back to.
    struct ota *ota = thingpass_esp_ota_is_on_trial() ? NULL : calloc(1, sizeof *ota);
    if (ota == NULL) {
        return THINGPASS_EBUSY;
    }
    ota->download = *update;
    struct thingpass_esp_job job = {.kind = &update_job, .own = ota, .done = done, .ctx = ctx};
    int rc = thingpass_esp_queue(esp, &job);
    if (rc != THINGPASS_OK) {
        free(ota);
    }
    return rc;
}

#endif
