// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#ifndef THINGPASS_ESP_IDF_COMPAT_H
#define THINGPASS_ESP_IDF_COMPAT_H

// All that differs between the versions of ESP-IDF and of what comes with it.
// Where a header or a macro tells, it is asked rather than the version: the
// development versions lie in between.

#include <stdint.h>

#include <esp_idf_version.h>
#include <mbedtls/build_info.h>
#include <mbedtls/pk.h>
#include <mbedtls/ssl.h>
#include <sdkconfig.h>

#if ESP_IDF_VERSION < ESP_IDF_VERSION_VAL(5, 1, 0)
#error "thingpass needs ESP-IDF 5.1 or later"
#endif

// mbedTLS 4 (ESP-IDF 6) takes its random numbers from PSA, and so has no
// parameters for them.
#if MBEDTLS_VERSION_MAJOR < 4
#define THINGPASS_TLS_WANTS_RANDOM 1
#define thingpass_pk_parse_key(pk, key, len, random)                                               \
    mbedtls_pk_parse_key(pk, key, len, NULL, 0, random, NULL)
#define thingpass_pk_check_pair(one, other, random) mbedtls_pk_check_pair(one, other, random, NULL)
#define thingpass_csr_pem(csr, pem, cap, random)                                                   \
    mbedtls_x509write_csr_pem(csr, pem, cap, random, NULL)
#else
#define THINGPASS_TLS_WANTS_RANDOM                   0
#define thingpass_pk_parse_key(pk, key, len, random) mbedtls_pk_parse_key(pk, key, len, NULL, 0)
#define thingpass_pk_check_pair(one, other, random)  mbedtls_pk_check_pair(one, other)
#define thingpass_csr_pem(csr, pem, cap, random)     mbedtls_x509write_csr_pem(csr, pem, cap)
#endif

// An identity of one's own takes parts of mbedTLS that a build may leave out.
#if defined(MBEDTLS_X509_CSR_WRITE_C) && defined(MBEDTLS_PK_WRITE_C) && defined(MBEDTLS_PEM_WRITE_C)
#define THINGPASS_HAS_CSR 1
#else
#define THINGPASS_HAS_CSR 0
#endif

// TLS 1.3 brings its tickets after the handshake, between the data. In IDF 6 it is
// on, and mbedTLS 4 (tf-psa-crypto) has only one name for the result.
#if defined(MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET)
#define THINGPASS_IS_TICKET(rc) ((rc) == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET)
#else
#define THINGPASS_IS_TICKET(rc) ((void)(rc), 0)
#endif

// A key in PSA's key store: for MQTT through esp_tls's esp_key_config_t (6.2),
// for our own connections through mbedTLS 4.
#if __has_include(<esp_key_config.h>) && MBEDTLS_VERSION_MAJOR >= 4
#define THINGPASS_HAS_PSA_KEYS 1
#else
#define THINGPASS_HAS_PSA_KEYS 0
#endif

// Microseconds of the RTC, which deep sleep does not stop. The header came with
// 5.2; the function was there before.
#if __has_include(<esp_rtc_time.h>)
#include <esp_rtc_time.h>
#else
uint64_t esp_rtc_get_time_us(void);
#endif

// MQTT 5 is a matter of the esp-mqtt that was built, not of its headers.
#if defined(CONFIG_MQTT_PROTOCOL_5)
#define THINGPASS_HAS_MQTT5 1
#else
#define THINGPASS_HAS_MQTT5 0
#endif

// The bundle is 60 KB of flash and may be left out.
#if defined(CONFIG_MBEDTLS_CERTIFICATE_BUNDLE)
#define THINGPASS_HAS_BUNDLE 1
#else
#define THINGPASS_HAS_BUNDLE 0
#endif

// Chips without a radio have no such events.
#if defined(CONFIG_ESP_WIFI_ENABLED) || defined(CONFIG_ESP32_WIFI_ENABLED)
#define THINGPASS_HAS_WIFI 1
#else
#define THINGPASS_HAS_WIFI 0
#endif

#endif
