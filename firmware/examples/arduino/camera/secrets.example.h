// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Copy to secrets.h and fill in: `thingpass-dev thing porch` makes the three PEMs.
// They end up in the image; for a product, provision NVS and use begin() without
// arguments.

#define WIFI_SSID     "my network"
#define WIFI_PASSWORD "my password"
#define SERVER        "mqtts://192.168.1.10:8883"
#define THING         "porch"

static const char CA[] = R"(-----BEGIN CERTIFICATE-----
-----END CERTIFICATE-----
)";
static const char CERTIFICATE[] = R"(-----BEGIN CERTIFICATE-----
-----END CERTIFICATE-----
)";
static const char PRIVATE_KEY[] = R"(-----BEGIN PRIVATE KEY-----
-----END PRIVATE KEY-----
)";
