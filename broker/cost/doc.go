// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Package cost says what storing photos costs at AWS in a month, for each way in
// which a thing can be given leave, and for the ways that others go.
//
// It counts what each way uses (messages, requests, bytes, minutes) and has a
// dated list say what that costs. Counts and money are exact fractions; nothing is
// rounded before it is printed.
//
// What it does not know: free tiers, taxes, agreements, CloudWatch, and the
// machine that a broker runs on, unless Scenario.ServerCost says it. IoT is
// metered as facts of AWS's own page "additional metering details" have it:
// CONNECT, SUBSCRIBE, every PUBLISH in and out, and every PUBACK of a client, each
// in units of 5 KB of topic, payload and MQTT 5 properties.
package cost
