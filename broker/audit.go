// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package broker

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// Entry is the record of one decision. It never holds a URL, a signature, a
// token or a secret key.
type Entry struct {
	Time        time.Time `json:"time"`
	Thing       string    `json:"thing,omitempty"`
	Request     string    `json:"request,omitempty"` // the topic's last level
	Topic       string    `json:"topic,omitempty"`   // only where no thing could be told from it
	ID          string    `json:"id,omitempty"`
	Mode        string    `json:"mode,omitempty"`
	Form        string    `json:"form,omitempty"`        // of credentials: FormSession or FormProvider
	AccessKeyID string    `json:"accessKeyId,omitempty"` // of a session; its other parts never
	Kind        string    `json:"kind,omitempty"`
	Key         string    `json:"objectKey,omitempty"`
	KeyPrefix   string    `json:"keyPrefix,omitempty"` // of a pass
	ContentType string    `json:"contentType,omitempty"`
	Size        int64     `json:"size,omitempty"`
	SHA256      string    `json:"sha256,omitempty"`
	UploadID    string    `json:"uploadId,omitempty"`  // of a multipart upload
	Parts       string    `json:"parts,omitempty"`     // that were granted, such as "3-4"
	ExpiresAt   int64     `json:"expiresAt,omitempty"` // Unix seconds
	Actor       string    `json:"actor,omitempty"`     // the operator, where one acted
	Code        Code      `json:"code"`
	Reason      string    `json:"reason,omitempty"`
	Micros      int64     `json:"us"` // from the request to this record
}

// JSONAudit writes each Entry as one line of JSON. It is safe for concurrent
// use; lines never mix.
type JSONAudit struct {
	mu   sync.Mutex
	w    io.Writer
	torn bool // the last line may be there in part

	buffers sync.Pool // of *[]byte
}

// NewJSONAudit returns an Auditor that writes to w, one Write for each Record.
func NewJSONAudit(w io.Writer) *JSONAudit {
	return &JSONAudit{w: w}
}

// Record writes the entries, and returns an error if they could not be written
// whole. A later entry then begins on a line of its own.
func (a *JSONAudit) Record(entries ...Entry) error {
	lines, _ := a.buffers.Get().(*[]byte)
	if lines == nil {
		lines = new([]byte)
	}
	defer a.buffers.Put(lines)
	text := append((*lines)[:0], '\n') // in case that the last line is torn
	var room [len(time.RFC3339Nano)]byte
	at := room[:0]
	for i := range entries {
		if i == 0 || !entries[i].Time.Equal(entries[i-1].Time) {
			at = entries[i].at(room[:0])
		}
		text = append(entries[i].appendAt(text, at), '\n')
	}
	*lines = text
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.torn {
		text = text[1:]
	}
	n, err := a.w.Write(text)
	if err != nil {
		a.torn = a.torn || n > 0 // a writer that takes back what it could not end says 0
		return fmt.Errorf("write the audit line: %w", err)
	}
	a.torn = false
	return nil
}
