// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package broker

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// A Code tells a thing why it was refused. The list is closed [P-8.1].
type Code string

// The codes of refusals.
const (
	CodeBadRequest         Code = "bad-request"
	CodePayloadTooLarge    Code = "payload-too-large"
	CodeUnknownKind        Code = "unknown-kind"
	CodeModeNotAllowed     Code = "mode-not-allowed"
	CodeTypeNotAllowed     Code = "type-not-allowed"
	CodeSizeNotAllowed     Code = "size-not-allowed"
	CodeMetadataNotAllowed Code = "metadata-not-allowed"
	CodeKeyNotAllowed      Code = "key-not-allowed"
	CodeTooManyObjects     Code = "too-many-objects"
	CodeNotFound           Code = "not-found"
	CodeMismatch           Code = "mismatch"
	CodeNoSuchUpload       Code = "no-such-upload"
	CodePartNotAllowed     Code = "part-not-allowed"
	CodePartsMissing       Code = "parts-missing"
	CodeQuotaExceeded      Code = "quota-exceeded"
	CodeBlocked            Code = "blocked" // by an operator
	CodeBusy               Code = "busy"
	CodeUnavailable        Code = "unavailable"
	CodeInternal           Code = "internal"
)

// The codes of decisions that are no refusals; they stand in the audit only.
const (
	CodeGranted   Code = "granted"
	CodeUnchanged Code = "unchanged" // the thing has it already [P-13.6]
	CodeVerified  Code = "verified"
	CodeAborted   Code = "aborted"
	CodeIgnored   Code = "ignored" // nobody to answer [P-2.5]
	CodeDone      Code = "done"    // an operator's action, or a thing's word that it followed a command
	CodeFailed    Code = "failed"  // likewise, but it did not work
)

// waits holds the least wait in seconds for the codes where waiting helps
// [P-9.4].
var waits = map[Code]int64{CodeBusy: 2, CodeUnavailable: 5, CodeInternal: 30, CodeBlocked: 300}

// A Refusal is an error that a thing may see. Text is for people, and holds
// nothing that the thing does not know itself; Cause is for the log only.
type Refusal struct {
	Code  Code
	Text  string
	Cause error
	Wait  time.Duration // the least; where zero, the code has one or waiting does not help

	quiet bool // one of many alike: neither audited nor logged
}

func (r *Refusal) Error() string {
	if r.Cause != nil {
		return fmt.Sprintf("%s: %s: %v", r.Code, r.Text, r.Cause)
	}
	return fmt.Sprintf("%s: %s", r.Code, r.Text)
}

// Unwrap returns the cause.
func (r *Refusal) Unwrap() error { return r.Cause }

// Quiet reports whether this is one of many refusals alike, which need no record
// of their own.
func (r *Refusal) Quiet() bool { return r.quiet }

// RetryAfter returns the least time to wait before the same request can succeed,
// and zero where waiting does not help.
func (r *Refusal) RetryAfter() time.Duration {
	if r.Wait > 0 {
		return r.Wait
	}
	return time.Duration(waits[r.Code]) * time.Second
}

func refuse(code Code, format string, args ...any) *Refusal {
	return &Refusal{Code: code, Text: fmt.Sprintf(format, args...)}
}

// unaudited refuses what was decided well, but cannot be recorded: no audit, no
// grant.
func unaudited(cause error) *Refusal {
	return &Refusal{Code: CodeUnavailable, Text: "the audit cannot be written", Cause: cause}
}

// unsigned refuses what was decided well, but cannot be signed.
func unsigned(cause error) *Refusal {
	return &Refusal{Code: CodeUnavailable, Text: "no credentials to sign with; ask again later", Cause: cause}
}

// unreachable refuses because nobody knows what S3 has.
func unreachable(cause error) *Refusal {
	return &Refusal{Code: CodeUnavailable, Text: "the bucket cannot be asked; ask again later", Cause: cause}
}

// asRefusal makes anything that is not a Refusal an internal fault, whose story
// a thing is not told.
func asRefusal(err error) *Refusal {
	var r *Refusal
	if errors.As(err, &r) {
		return r
	}
	return &Refusal{Code: CodeInternal, Text: "a fault of the broker; ask again later", Cause: err}
}

// printable shortens untrusted text to n bytes for a message to people, and
// replaces what is not UTF-8.
func printable(s string, n int) string {
	if len(s) > n {
		cut := n
		for cut > 0 && !utf8.RuneStart(s[cut]) {
			cut--
		}
		s = s[:cut] + "…"
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}
