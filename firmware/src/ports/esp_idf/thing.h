// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#ifndef THINGPASS_ESP_IDF_THING_H
#define THINGPASS_ESP_IDF_THING_H

#include <freertos/FreeRTOS.h>
#include <freertos/semphr.h>
#include <freertos/task.h>

#include "esp_world.h"
#include "mqtt_link.h"
#include "settings.h"
#include "thingpass/credentials.h"
#include "thingpass/esp.h"
#include "thingpass/thingpass.h"
#include "tls_stream.h"

// The inside of struct thingpass_esp. One task, thing_task.c, owns the core, the
// stream and the job at hand; other tasks reach it through the queue of jobs, the
// MQTT link's lock, and a notification that wakes it.

struct thingpass_esp_job;

// fleet.c: an identity that the thing got by itself.
struct thingpass_esp_provisioned {
    // Finds it; each text is in memory of its own. THINGPASS_OK, THINGPASS_ENOENT, or < 0;
    // the texts are to be freed in any case.
    int (*find)(const char *name_space, char **thing, char **cert, char **key);

    // The server has let it in.
    int (*prove)(const char *name_space);
};

// What a kind of job does; all in the thing's task. Kinds that a program does not
// name are not linked.
struct thingpass_esp_job_kind {
    // Begins it. Returns THINGPASS_OK, or how it ends at once: < 0, or 1 for
    // "nothing to do", of which nobody is told.
    int (*start)(struct thingpass_esp *esp, struct thingpass_esp_job *job);

    // Sees how the core ended it, before anybody else, and may change that. NULL:
    // nothing to see.
    void (*ended)(struct thingpass_esp *esp, struct thingpass_esp_job *job,
                  struct thingpass_result *result);

    // Frees what the job holds, when nobody needs it any more, whether it was
    // started or not. NULL: nothing.
    void (*release)(struct thingpass_esp_job *job, bool started);

    enum thingpass_esp_event_type well; // the event of a good end
    bool upload;                        // it may go through the outbox
};

// Who waits for a job, in another task.
struct thingpass_esp_waiter {
    SemaphoreHandle_t done;
    StaticSemaphore_t memory;
    volatile bool give_up; // it has waited long enough
    struct thingpass_result result;
    bool spooled;
};

struct thingpass_esp_job {
    const struct thingpass_esp_job_kind *kind;
    uint64_t until_ms;              // it is given up when its turn has not come by then
    struct thingpass_object object; // of an upload
    void *own;                      // of any other
    thingpass_esp_done_fn done;
    void *ctx;
    struct thingpass_esp_waiter *waiter;
};

struct thingpass_esp_subscription {
    const char *filter;
    thingpass_esp_message_fn on_message;
    void *ctx;
};

struct thingpass_esp {
    struct thingpass_esp_config config; // defaults are filled in
    char *owned[6];                     // texts from NVS that config points to

    struct thingpass core;
    struct thingpass_provider provider; // config's, with our stream
    struct thingpass_esp_sha256 sha256;
    struct thingpass_esp_tls stream;
    struct thingpass_mqtt_link mqtt;
    void *buffers; // reply, chunk and messages
    char topic[THINGPASS_TOPIC_MAX + 1];

    TaskHandle_t task;
    SemaphoreHandle_t ended;
    volatile bool stopping;

    // Written by the network's event handlers, read by the task.
    bool link_down;
    unsigned ways;           // that have an address, of thing_network.c; the event task's own
    volatile bool link_lost; // connections are dead for sure
    volatile bool link_back;
    void *ip_events; // esp_event_handler_instance_t
    void *wifi_events;

    // The task's own.
    struct thingpass_esp_job job;
    bool busy;                                 // there is a job at hand, and the core is its own
    struct thingpass_esp_outbox *outbox;       // NULL without a spool
    uint64_t rested_ms;                        // when the task last let others run
    uint64_t proof_ms;                         // when an image on trial is given up; 0: none is
    uint32_t subscribed;                       // how many of the subscriptions this connection has
    bool retained;                             // the message that the program is given was retained
    struct thingpass_esp_commander *commander; // thing_commands.c; NULL without commands
    uint64_t progress_ms;                      // last time that the clock was saved

    // Guarded by the MQTT link's lock. Only the task takes jobs out.
    struct thingpass_esp_job jobs[CONFIG_THINGPASS_QUEUE];
    uint32_t job_count;
    struct thingpass_esp_subscription subscriptions[CONFIG_THINGPASS_SUBSCRIPTIONS];
    uint32_t subscription_count;
    bool ready;     // connected and subscribed
    bool proven;    // config.provisioned was told so
    int64_t told_s; // the time, as it was
    uint64_t told_ms;
    struct thingpass_esp_stats stats;

    // Of the last thingpass_esp_store().
    char last_id[THINGPASS_ID_MAX + 1];
    char last_key[THINGPASS_KEY_MAX + 1];
};

// thing_task.c
void thingpass_esp_task(void *esp);
void thingpass_esp_wake(void *esp); // from any task

// thing_jobs.c
bool thingpass_esp_in_task(const struct thingpass_esp *esp);
int thingpass_esp_queue(struct thingpass_esp *esp, const struct thingpass_esp_job *job);
void thingpass_esp_tend_jobs(struct thingpass_esp *esp);  // begins what can begin
void thingpass_esp_job_finish(struct thingpass_esp *esp); // the core is done with the job
void thingpass_esp_job_flush(struct thingpass_esp *esp);  // ends all that wait
// Tells the job's own people how it ended. The waiter, if any, is gone then.
void thingpass_esp_deliver(struct thingpass_esp *esp, const struct thingpass_esp_job *job,
                           const struct thingpass_result *result, bool spooled);
// Tells everybody else, and counts.
void thingpass_esp_tell(struct thingpass_esp *esp, enum thingpass_esp_event_type type, int err,
                        const char *text, const struct thingpass_result *result);
void thingpass_esp_tell_end(struct thingpass_esp *esp, enum thingpass_esp_event_type well,
                            const struct thingpass_result *result);

// thing_outbox.c: uploads through outbox.h, if there is a folder for a spool.
int thingpass_esp_outbox_open(struct thingpass_esp *esp);  // makes it
int thingpass_esp_outbox_begin(struct thingpass_esp *esp); // in the task
void thingpass_esp_outbox_close(struct thingpass_esp *esp);
// Whether an upload is at hand, begun or not: its key may lie in the reply buffer.
bool thingpass_esp_outbox_busy(const struct thingpass_esp *esp);
// Takes an upload. THINGPASS_EBUSY and THINGPASS_EAGAIN: not now.
int thingpass_esp_outbox_put(struct thingpass_esp *esp, const struct thingpass_esp_job *job);
int thingpass_esp_outbox_step(struct thingpass_esp *esp, uint64_t *wake_ms);
void thingpass_esp_outbox_link(struct thingpass_esp *esp, bool up);
// Brings what is at hand into the spool, as far as it goes.
void thingpass_esp_outbox_wind_up(struct thingpass_esp *esp);

// thing_messages.c
void thingpass_esp_take_messages(struct thingpass_esp *esp);
void thingpass_esp_tend_session(struct thingpass_esp *esp);

// thing_network.c: events of the network. Without an event loop there are none.
void thingpass_esp_watch_network(struct thingpass_esp *esp);
void thingpass_esp_unwatch_network(struct thingpass_esp *esp);

// thing_config.c: fills in what config leaves open, from NVS and menuconfig, and
// checks it. esp->owned is to be freed in any case.
int thingpass_esp_configure(struct thingpass_esp *esp, const struct thingpass_esp_config *config);
void thingpass_esp_forget_config(struct thingpass_esp *esp);

// nvs_store.c: a text of NVS in memory of its own, or NULL. rc tells why.
char *thingpass_nvs_text(const char *name_space, const char *name, int *rc);

static inline void thingpass_esp_lock(struct thingpass_esp *esp) {
    (void)xSemaphoreTake(esp->mqtt.lock, portMAX_DELAY);
}

static inline void thingpass_esp_unlock(struct thingpass_esp *esp) {
    (void)xSemaphoreGive(esp->mqtt.lock);
}

#endif
