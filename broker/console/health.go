// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package console

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"time"
)

const (
	checkTimeout = 2 * time.Second // of all checks together
	checkPause   = time.Second     // whoever asks more often gets the same answer
)

// A Check tells whether one thing that is needed works. Ask returns nil or why
// it does not, in words that hold no secret.
type Check struct {
	Name string
	Ask  func(ctx context.Context) error
}

// readiness answers /readyz.
type readiness struct {
	checks []Check

	mu     sync.Mutex
	asked  time.Time
	report report
}

// report is the JSON of an answer.
type report struct {
	Ready  bool              `json:"ready"`
	Checks map[string]string `json:"checks"` // "ok", or what is wrong
}

func (r *readiness) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	report := r.ask(req.Context())
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if !report.Ready {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(report) // who asked has gone
}

// ask runs all checks at the same time, unless it has just done so.
func (r *readiness) ask(ctx context.Context) report {
	r.mu.Lock()
	defer r.mu.Unlock()
	if time.Since(r.asked) < checkPause {
		return r.report
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), checkTimeout) // others wait for the same answer
	defer cancel()
	answers := make([]string, len(r.checks))
	var all sync.WaitGroup
	for i, check := range r.checks {
		all.Go(func() { answers[i] = verdict(check.Ask(ctx)) })
	}
	all.Wait()
	r.report = report{Ready: true, Checks: make(map[string]string, len(answers))}
	for i, answer := range answers {
		r.report.Checks[r.checks[i].Name] = answer
		r.report.Ready = r.report.Ready && answer == ok
	}
	r.asked = time.Now()
	return r.report
}

const ok = "ok"

func verdict(err error) string {
	if err == nil {
		return ok
	}
	const most = 500 // bytes
	text := err.Error()
	return text[:min(len(text), most)]
}
