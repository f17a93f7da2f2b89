// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package credprovider

import (
	"errors"
	"math"
	"net/http"
	"strconv"

	"thingpass/broker"
)

// refusal is an answer without credentials. The texts that AWS IoT has for a
// case are AWS IoT's.
type refusal struct {
	status  int
	kind    string // x-amzn-ErrorType
	message string
	code    broker.Code // in the audit
	cause   error       // for the log
}

func (r *refusal) Error() string { return r.message }

// quiet refusals are one of many alike.
func (r *refusal) quiet() bool {
	var refused *broker.Refusal
	return errors.As(r.cause, &refused) && refused.Quiet()
}

// retryAfter is the least wait, in seconds.
func (r *refusal) retryAfter() string {
	var refused *broker.Refusal
	if errors.As(r.cause, &refused) && refused.RetryAfter() > 0 {
		return strconv.FormatInt(int64(math.Ceil(refused.RetryAfter().Seconds())), 10)
	}
	return "5"
}

// refused says in AWS IoT's words what the issuer said.
func refused(err error) *refusal {
	var r *broker.Refusal
	if errors.As(err, &r) {
		switch r.Code {
		case broker.CodeQuotaExceeded:
			return &refusal{http.StatusTooManyRequests, "ThrottlingException", "Rate exceeded", r.Code, err}
		case broker.CodeKeyNotAllowed, broker.CodeModeNotAllowed:
			return &refusal{http.StatusForbidden, "AccessDeniedException", "Access Denied", r.Code, err}
		}
	}
	return unavailable(err)
}

func unavailable(cause error) *refusal {
	return &refusal{http.StatusServiceUnavailable, "ServiceUnavailableException", "Service Unavailable", broker.CodeUnavailable, cause}
}

func refuse(w http.ResponseWriter, r *http.Request, err *refusal) {
	w.Header().Set("x-amzn-ErrorType", err.kind)
	switch err.status {
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		w.Header().Set("Retry-After", err.retryAfter())
	case http.StatusMethodNotAllowed:
		w.Header().Set("Allow", http.MethodGet)
	}
	if r.ContentLength != 0 { // what is left of the body is nobody's next request
		w.Header().Set("Connection", "close")
	}
	write(w, err.status, map[string]string{"message": err.message})
}
