// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package broker

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

const (
	statusSuccess = "success"
	statusError   = "error"
)

// reply is the JSON of every answer, and of each of its objects [P-4, P-8].
type reply struct {
	ID         string            `json:"id,omitempty"`
	Status     string            `json:"status"`
	Time       int64             `json:"time,omitempty"` // in the outer one only
	Mode       string            `json:"mode,omitempty"`
	ObjectKey  string            `json:"objectKey,omitempty"`
	UploadURL  string            `json:"uploadUrl,omitempty"`
	Headers    map[string]string `json:"headers,omitempty"`
	Size       *int64            `json:"size,omitempty"`
	ExpiresAt  int64             `json:"expiresAt,omitempty"`
	Code       Code              `json:"code,omitempty"`
	Error      string            `json:"error,omitempty"`
	RetryAfter int64             `json:"retryAfter,omitempty"` // seconds
	Objects    []reply           `json:"objects,omitempty"`
}

func refusalReply(id string, r *Refusal) reply {
	return reply{ID: id, Status: statusError, Code: r.Code, Error: r.Text, RetryAfter: int64(r.RetryAfter() / time.Second)}
}

// event is the JSON of `uploaded` [P-7].
type event struct {
	Thing       string            `json:"thing"`
	Kind        string            `json:"kind"`
	ObjectKey   string            `json:"objectKey"`
	Size        int64             `json:"size"`
	ContentType string            `json:"contentType,omitempty"`
	SHA256      string            `json:"sha256,omitempty"`
	ETag        string            `json:"etag,omitempty"`
	Metadata    map[string]string `json:"metadata,omitempty"`
	Time        int64             `json:"time"`
}

// request is one request on its way through the broker.
type request struct {
	broker      *Broker
	thing       string
	now         time.Time
	correlation []byte
}

// A body is what is answered; stamp gives it the broker's time [P-4.1].
type body interface{ stamp(now int64) }

func (b *reply) stamp(now int64) { b.Time = now }

// answer makes the reply's message [P-2.2].
func (r *request) answer(body body) (Message, error) {
	body.stamp(r.now.Unix())
	payload, err := encode(body)
	return Message{Topic: r.broker.topicOf(r.thing, verbResponse), Payload: payload, Correlation: r.correlation, QoS: 1}, err
}

// conclude audits the decision on a whole request, and answers with what was
// granted or, if err is not nil, with the refusal. No audit, no grant.
func (r *request) conclude(entry Entry, granted body, err error) ([]Message, error) {
	if err != nil {
		refusal := asRefusal(err)
		entry.Code, entry.Reason, entry.ExpiresAt = refusal.Code, refusal.Text, 0
		err = refusal
	}
	if auditErr := r.record(entry); auditErr != nil {
		if err == nil {
			err = unaudited(auditErr)
		} else {
			err = errors.Join(err, auditErr)
		}
	}
	if err != nil {
		body := refusalReply(entry.ID, asRefusal(err))
		granted = &body
	}
	return r.send(granted, err)
}

// send makes the only message of an answer. cause is the story for the log.
func (r *request) send(body body, cause error) ([]Message, error) {
	m, err := r.answer(body)
	if err != nil {
		return nil, errors.Join(cause, err)
	}
	return []Message{m}, cause
}

// refuse answers a whole request with a refusal, which is audited first unless it
// is quiet.
func (r *request) refuse(verb, id string, payload []byte, err error) ([]Message, error) {
	refusal := asRefusal(err)
	if id == "" {
		id = salvageID(payload)
	}
	body := refusalReply(id, refusal)
	m, encodeErr := r.answer(&body)
	if refusal.quiet && encodeErr == nil {
		return answered(verb, m), nil
	}
	auditErr := r.record(Entry{Request: verb, ID: id, Code: refusal.Code, Reason: refusal.Text})
	if encodeErr != nil {
		return nil, errors.Join(refusal, auditErr, encodeErr)
	}
	return answered(verb, m), errors.Join(refusal, auditErr)
}

// answered is the answer to a request of the verb: there is none to a
// command-result [P-15.6].
func answered(verb string, m Message) []Message {
	if verb == verbCommandResult {
		return nil
	}
	return []Message{m}
}

// busy is refused without an audit line: nothing was decided, and a flood must
// not fill the disk.
func (r *request) busy(payload []byte) ([]Message, error) {
	body := refusalReply(salvageID(payload), refuse(CodeBusy, "more requests than the broker can take now"))
	m, err := r.answer(&body)
	if err != nil {
		return nil, err
	}
	m.QoS = 0
	return []Message{m}, nil
}

func (r *request) record(entries ...Entry) error {
	us := r.broker.now().Sub(r.now).Microseconds()
	for i := range entries {
		entries[i].Time, entries[i].Thing, entries[i].Micros = r.now, r.thing, us
	}
	return r.broker.audit.Record(entries...)
}

// encode writes & as it is [P-1.7].
func encode(v any) ([]byte, error) {
	if r, ok := v.(*reply); ok {
		return r.appendJSON(make([]byte, 0, r.size())), nil
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("encode a reply: %w", err)
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), nil
}
