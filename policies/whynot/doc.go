// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Package whynot reads what servers log about clients that they refuse, and says
// why: which statement, which variable, what would have to change.
//
// It knows the log entries that AWS IoT Core sends to CloudWatch Logs
// (cwl-format), as the console shows them, as `aws logs tail` and `aws logs
// filter-log-events` print them, and as a subscription filter delivers them; the
// lifecycle events on $aws/events/presence (life-cycle-events); and lines of
// the dev stack ("mqtt refused") and of the Mosquitto plugin ("thingpass refused").
package whynot
