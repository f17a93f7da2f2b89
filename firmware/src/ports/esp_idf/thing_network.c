// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if defined(ESP_PLATFORM)

// The network comes and goes. What is known of it saves attempts; without any of
// these events everything works, too, only later.

#include <esp_event.h>
#include <esp_netif.h>

#include "compat.h"
#include "thing.h"

#if THINGPASS_HAS_WIFI
#include <esp_wifi.h>
#endif

enum { WIFI = 1, ETHERNET = 2, PPP = 4 }; // ways that have an address

// Which way an event is about; 0: about none, or IPv6, which does not say.
static unsigned way_of(int32_t id) {
    switch (id) {
    case IP_EVENT_STA_GOT_IP:
    case IP_EVENT_STA_LOST_IP:
        return WIFI;
    case IP_EVENT_ETH_GOT_IP:
    case IP_EVENT_ETH_LOST_IP:
        return ETHERNET;
    case IP_EVENT_PPP_GOT_IP:
    case IP_EVENT_PPP_LOST_IP:
        return PPP;
    default:
        return 0;
    }
}

static void on_ip(void *ctx, esp_event_base_t base, int32_t id, void *data) {
    struct thingpass_esp *esp = ctx;
    (void)base;
    switch (id) {
    case IP_EVENT_STA_GOT_IP:
    case IP_EVENT_ETH_GOT_IP:
    case IP_EVENT_PPP_GOT_IP:
        // Connections survive a short absence unless the address is another.
        esp->link_lost = esp->link_lost || ((const ip_event_got_ip_t *)data)->ip_changed;
        esp->ways |= way_of(id);
        esp->link_back = true;
        esp->link_down = false;
        break;
    case IP_EVENT_GOT_IP6:
        esp->link_back = true;
        esp->link_down = false;
        break;
    case IP_EVENT_STA_LOST_IP:
    case IP_EVENT_ETH_LOST_IP:
    case IP_EVENT_PPP_LOST_IP:
        esp->ways &= ~way_of(id);
        esp->link_lost = true; // those of this way are; which that is, nobody says
        esp->link_down = esp->ways == 0;
        break;
    default:
        return;
    }
    thingpass_esp_wake(esp);
}

#if THINGPASS_HAS_WIFI
static void on_wifi(void *ctx, esp_event_base_t base, int32_t id, void *data) {
    struct thingpass_esp *esp = ctx;
    (void)base;
    (void)id;
    (void)data;
    esp->ways &= ~(unsigned)WIFI;
    esp->link_down = esp->ways == 0; // no new connection until there is an address again
}
#endif

void thingpass_esp_watch_network(struct thingpass_esp *esp) {
    esp_event_handler_instance_t instance = NULL;
    if (esp_event_handler_instance_register(IP_EVENT, ESP_EVENT_ANY_ID, on_ip, esp, &instance) ==
        ESP_OK) {
        esp->ip_events = instance;
    }
#if THINGPASS_HAS_WIFI
    instance = NULL;
    if (esp_event_handler_instance_register(WIFI_EVENT, WIFI_EVENT_STA_DISCONNECTED, on_wifi, esp,
                                            &instance) == ESP_OK) {
        esp->wifi_events = instance;
    }
#endif
}

void thingpass_esp_unwatch_network(struct thingpass_esp *esp) {
    if (esp->ip_events != NULL) {
        (void)esp_event_handler_instance_unregister(IP_EVENT, ESP_EVENT_ANY_ID, esp->ip_events);
    }
#if THINGPASS_HAS_WIFI
    if (esp->wifi_events != NULL) {
        (void)esp_event_handler_instance_unregister(WIFI_EVENT, WIFI_EVENT_STA_DISCONNECTED,
                                                    esp->wifi_events);
    }
#endif
    esp->ip_events = NULL;
    esp->wifi_events = NULL;
}

#endif
