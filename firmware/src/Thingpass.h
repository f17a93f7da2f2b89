// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// thingpass for Arduino-ESP32 3.x: a thin class over thingpass/esp.h, which does
// the work and says more. One thing a sketch.
//
//     Thingpass thing;
//
//     void setup() {
//         WiFi.begin(ssid, password);
//         thing.begin("mqtts://192.168.1.10:8883", "porch", cert, key, ca);
//     }
//
//     void loop() {
//         camera_fb_t *fb = esp_camera_fb_get();
//         if (thing.store("photo", fb->buf, fb->len, "image/jpeg")) {
//             Serial.println(thing.key());
//         } else {
//             Serial.println(thing.error());
//         }
//         esp_camera_fb_return(fb);
//     }

#ifndef THINGPASS_ARDUINO_H
#define THINGPASS_ARDUINO_H

#include "thingpass/esp.h"

class Thingpass {
  public:
    Thingpass();
    ~Thingpass();
    Thingpass(const Thingpass &) = delete;
    Thingpass &operator=(const Thingpass &) = delete;

    // Settings, before begin(). A folder of a file system that is mounted (LittleFS:
    // "/littlefs/spool"), where photos wait while there is no network.
    void spool(const char *directory);

    // What happens, also to objects from the spool. Called in thingpass's task.
    void onEvent(thingpass_esp_event_fn fn, void *ctx = nullptr);

    // Everything else that thingpass/esp.h can set.
    thingpass_esp_config &config();

    // Starts. The texts (PEM) are not copied: literals, or as long-lived as this.
    // s3Ca: whom to trust as S3; the same as ca if left out; nullptr is ESP-IDF's
    // bundle, for AWS. Returns false when it does not start: error() says why.
    bool begin(const char *server, const char *thing, const char *cert, const char *key,
               const char *ca, const char *s3Ca);
    bool begin(const char *server, const char *thing, const char *cert, const char *key,
               const char *ca);

    // The same with what was provisioned in NVS.
    bool begin(const char *nvsNamespace = "thingpass");
    void end();
    bool connected() const;

    // Stores bytes and waits until the broker has seen them in the bucket, at most
    // timeoutMs. False: error() and code() say why; spooled() whether the object
    // waits in the spool. metadata must not change meanwhile.
    bool store(const char *kind, const void *data, size_t size, const char *contentType,
               const thingpass_pair *metadata = nullptr, size_t metadataCount = 0,
               uint32_t timeoutMs = 60000);

    // The same for any object, such as one under a pass or from a file.
    bool store(const thingpass_object &object, uint32_t timeoutMs = 60000);

    bool spooled() const;      // the last object waits in the spool
    const char *key() const;   // where the last object is in the bucket
    const char *error() const; // the last error in a few words
    const char *code() const;  // the broker's or S3's word for it, or ""

    // Calls fn for each message on a topic of the sketch's own.
    bool subscribe(const char *filter, thingpass_esp_message_fn fn, void *ctx = nullptr);

    // Calls fn for each command of those verbs (THINGPASS_CAPTURE, THINGPASS_DOWNLOAD;
    // thingpass/command.h). answer() says how it went: as the last store(), or with a
    // code, that it failed for that reason.
    bool onCommand(unsigned does, thingpass_esp_command_fn fn, void *ctx = nullptr);
    bool answer(const char *id, const char *code = nullptr);

    // Fetches new firmware, and restarts if there was some. Returns only if there
    // was not (true) or it failed (false).
    bool update(const char *kind = "firmware", uint32_t timeoutMs = 600000);

    // For the functions of thingpass/esp.h; nullptr before begin().
    thingpass_esp *handle() const;

  private:
    bool start();

    thingpass_esp_config config_;
    thingpass_esp *esp_;
    int err_;
    bool spooled_;
    uint64_t size_; // of the last object
    char key_[THINGPASS_KEY_MAX + 1];
    char code_[48];
};

#endif
