// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#if defined(ARDUINO) && defined(ESP_PLATFORM)

#include "Thingpass.h"

#include <esp_system.h>
#include <freertos/FreeRTOS.h>
#include <freertos/semphr.h>
#include <string.h>

#include "thingpass/download.h"
#include "thingpass/sources.h"
#include "thingpass/thingpass.h"

Thingpass::Thingpass() : config_(), esp_(nullptr), err_(THINGPASS_OK), spooled_(false), size_(0) {
    key_[0] = '\0';
    code_[0] = '\0';
}

Thingpass::~Thingpass() {
    end();
}

void Thingpass::spool(const char *directory) {
    config_.spool.directory = directory;
}

void Thingpass::onEvent(thingpass_esp_event_fn fn, void *ctx) {
    config_.on_event = fn;
    config_.ctx = ctx;
}

thingpass_esp_config &Thingpass::config() {
    return config_;
}

bool Thingpass::start() {
    err_ = esp_ == nullptr ? thingpass_esp_start(&config_, &esp_) : THINGPASS_EBUSY;
    return err_ == THINGPASS_OK;
}

bool Thingpass::begin(const char *server, const char *thing, const char *cert, const char *key,
                      const char *ca, const char *s3Ca) {
    config_.server = server;
    config_.thing = thing;
    config_.identity.cert = cert;
    config_.identity.key = key;
    config_.server_ca = ca;
    config_.s3_ca = s3Ca;
    return start();
}

bool Thingpass::begin(const char *server, const char *thing, const char *cert, const char *key,
                      const char *ca) {
    return begin(server, thing, cert, key, ca, ca);
}

bool Thingpass::begin(const char *nvsNamespace) {
    config_.nvs_namespace = nvsNamespace;
    return start();
}

void Thingpass::end() {
    thingpass_esp_stop(esp_);
    esp_ = nullptr;
}

bool Thingpass::connected() const {
    return esp_ != nullptr && thingpass_esp_is_connected(esp_);
}

bool Thingpass::store(const char *kind, const void *data, size_t size, const char *contentType,
                      const thingpass_pair *metadata, size_t metadataCount, uint32_t timeoutMs) {
    thingpass_memory memory;
    thingpass_object object = {};
    object.kind = kind;
    object.source = thingpass_source_memory(&memory, data, size, contentType);
    object.metadata = metadata;
    object.metadata_count = metadataCount;
    return store(object, timeoutMs);
}

bool Thingpass::store(const thingpass_object &object, uint32_t timeoutMs) {
    struct thingpass_result result = {}; // there is a function of that name
    spooled_ = false;
    key_[0] = '\0';
    code_[0] = '\0';
    if (esp_ == nullptr) {
        err_ = THINGPASS_EINVAL;
        return false;
    }
    err_ = thingpass_esp_store(esp_, &object, timeoutMs, &result, &spooled_);
    if (result.object_key != nullptr) {
        strlcpy(key_, result.object_key, sizeof key_);
    }
    strlcpy(code_, result.code, sizeof code_);
    size_ = result.size;
    return err_ == THINGPASS_OK;
}

bool Thingpass::spooled() const {
    return spooled_;
}

const char *Thingpass::key() const {
    return key_;
}

const char *Thingpass::error() const {
    return thingpass_strerror(err_);
}

const char *Thingpass::code() const {
    return code_;
}

bool Thingpass::subscribe(const char *filter, thingpass_esp_message_fn fn, void *ctx) {
    err_ = esp_ != nullptr ? thingpass_esp_subscribe(esp_, filter, fn, ctx) : THINGPASS_EINVAL;
    return err_ == THINGPASS_OK;
}

bool Thingpass::onCommand(unsigned does, thingpass_esp_command_fn fn, void *ctx) {
    err_ = esp_ != nullptr ? thingpass_esp_on_command(esp_, does, fn, ctx) : THINGPASS_EINVAL;
    return err_ == THINGPASS_OK;
}

bool Thingpass::answer(const char *id, const char *code) {
    struct thingpass_result result = {};
    result.err = err_;
    result.object_key = key_;
    result.size = size_;
    strlcpy(result.code, code_, sizeof result.code);
    const char *why = code == nullptr && spooled_ ? "spooled" : code;
    return esp_ != nullptr && thingpass_esp_answer(esp_, id, &result, why) == THINGPASS_OK;
}

namespace {

struct Update {
    SemaphoreHandle_t done;
    int err;
    bool unchanged;
    char code[48];
};

void onFetched(void *ctx, const struct thingpass_result *result, bool) {
    Update *update = static_cast<Update *>(ctx);
    update->err = result->err;
    update->unchanged = result->verified == THINGPASS_VERIFIED_UNCHANGED;
    strlcpy(update->code, result->code, sizeof update->code);
    xSemaphoreGive(update->done);
}

} // namespace

bool Thingpass::update(const char *kind, uint32_t timeoutMs) {
    thingpass_download fetch = {};
    fetch.kind = kind;
    fetch.deadline_ms = timeoutMs;
    Update update = {xSemaphoreCreateBinary(), THINGPASS_ESPACE, false, ""};
    err_ = esp_ == nullptr ? THINGPASS_EINVAL : update.err;
    if (esp_ != nullptr && update.done != nullptr) {
        err_ = thingpass_esp_ota(esp_, &fetch, onFetched, &update);
        if (err_ == THINGPASS_OK) { // done is called exactly once, within the deadline
            xSemaphoreTake(update.done, portMAX_DELAY);
            err_ = update.err;
        }
    }
    if (update.done != nullptr) {
        vSemaphoreDelete(update.done);
    }
    strlcpy(code_, update.code, sizeof code_);
    if (err_ == THINGPASS_OK && !update.unchanged) {
        esp_restart();
    }
    return err_ == THINGPASS_OK;
}

thingpass_esp *Thingpass::handle() const {
    return esp_;
}

#endif
