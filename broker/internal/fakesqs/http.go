// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package fakesqs

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

type receivedMessage struct {
	MessageID     string `json:"MessageId"`
	ReceiptHandle string
	Body          string
	MD5OfBody     string
}

type receiveRequest struct {
	QueueURL            string `json:"QueueUrl"`
	MaxNumberOfMessages int
	WaitTimeSeconds     int
	VisibilityTimeout   *int
}

type deleteRequest struct {
	QueueURL string `json:"QueueUrl"`
	Entries  []struct {
		ID            string `json:"Id"`
		ReceiptHandle string
	}
}

// serve answers one request of SQS's JSON protocol.
func (q *Queue) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return // the client went away in the middle of it
	}
	if err := q.judge(r, body); err != nil {
		q.refuse(w, err)
		return
	}
	if q.failing() {
		answer(w, http.StatusServiceUnavailable, map[string]string{"__type": "com.amazonaws.sqs#ServiceUnavailable", "message": "try again"})
		return
	}
	switch target := r.Header.Get("X-Amz-Target"); target {
	case "AmazonSQS.ReceiveMessage":
		var in receiveRequest
		if err = strict(body, &in); err == nil {
			err = q.answerReceive(r.Context(), w, in)
		}
	case "AmazonSQS.DeleteMessageBatch":
		var in deleteRequest
		if err = strict(body, &in); err == nil {
			err = q.answerDelete(r.Context(), w, in)
		}
	default:
		err = fmt.Errorf("X-Amz-Target %q", target)
	}
	if err != nil {
		q.refuse(w, err)
	}
}

func strict(body []byte, v any) error {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	return decoder.Decode(v)
}

func (q *Queue) failing() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.failures--
	return q.failures >= 0
}

func (q *Queue) refuse(w http.ResponseWriter, err error) {
	q.mu.Lock()
	q.refused = append(q.refused, err.Error())
	q.mu.Unlock()
	answer(w, http.StatusBadRequest, map[string]string{"__type": "com.amazonaws.sqs#InvalidParameterValue", "message": err.Error()})
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // who asked may have gone
}

func (q *Queue) answerReceive(ctx context.Context, w http.ResponseWriter, in receiveRequest) error {
	if in.QueueURL != q.URL() || in.MaxNumberOfMessages < 1 || in.MaxNumberOfMessages > 10 || in.WaitTimeSeconds < 0 || in.WaitTimeSeconds > 20 {
		return fmt.Errorf("receive %+v", in)
	}
	visibility := q.options.Visibility
	if in.VisibilityTimeout != nil {
		visibility = time.Duration(*in.VisibilityTimeout) * time.Second
	}
	for end := time.Now().Add(time.Duration(in.WaitTimeSeconds) * time.Second); ctx.Err() == nil; {
		taken, changed := q.receive(in.MaxNumberOfMessages, visibility)
		if len(taken) > 0 || time.Now().After(end) {
			answer(w, http.StatusOK, map[string]any{"Messages": taken})
			return nil
		}
		select {
		case <-changed:
		case <-time.After(20 * time.Millisecond): // one may have become visible again
		case <-ctx.Done():
		}
	}
	return nil
}

func (q *Queue) answerDelete(ctx context.Context, w http.ResponseWriter, in deleteRequest) error {
	if in.QueueURL != q.URL() || len(in.Entries) < 1 || len(in.Entries) > 10 {
		return fmt.Errorf("delete %+v", in)
	}
	q.mu.Lock()
	hold := q.hold
	q.held++
	q.mu.Unlock()
	if hold != nil {
		<-hold
	}
	q.mu.Lock()
	q.held--
	q.mu.Unlock()
	if ctx.Err() != nil {
		return nil // it died before it was heard
	}
	type success struct {
		ID string `json:"Id"`
	}
	type failure struct {
		ID          string `json:"Id"`
		Code        string
		SenderFault bool
	}
	out := struct {
		Successful []success
		Failed     []failure
	}{Successful: []success{}, Failed: []failure{}}
	for _, e := range in.Entries {
		if q.remove(e.ReceiptHandle) {
			out.Successful = append(out.Successful, success{e.ID})
		} else {
			out.Failed = append(out.Failed, failure{e.ID, "ReceiptHandleIsInvalid", true})
		}
	}
	answer(w, http.StatusOK, out)
	return nil
}

// judge makes the signature again from what arrived, and compares.
func (q *Queue) judge(r *http.Request, body []byte) error {
	given := r.Header.Get("Authorization")
	if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/x-amz-json-1.0" {
		return fmt.Errorf("%s with Content-Type %q", r.Method, r.Header.Get("Content-Type"))
	}
	when, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	if err != nil || time.Since(when).Abs() > 15*time.Minute {
		return fmt.Errorf("X-Amz-Date %q", r.Header.Get("X-Amz-Date"))
	}
	_, rest, _ := strings.Cut(given, "SignedHeaders=")
	names, _, _ := strings.Cut(rest, ",")
	again, err := http.NewRequest(r.Method, "http://"+r.Host+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		return err
	}
	for _, name := range strings.Split(names, ";") {
		if name != "host" && name != "content-length" {
			again.Header[http.CanonicalHeaderKey(name)] = r.Header.Values(name)
		}
	}
	sum := sha256.Sum256(body)
	key := aws.Credentials{AccessKeyID: q.options.AccessKeyID, SecretAccessKey: q.options.SecretAccessKey, SessionToken: r.Header.Get("X-Amz-Security-Token")}
	if err := v4.NewSigner().SignHTTP(context.Background(), key, again, hex.EncodeToString(sum[:]), "sqs", q.options.Region, when); err != nil {
		return err
	}
	if again.Header.Get("Authorization") != given {
		return fmt.Errorf("the signature is wrong (headers %s)", names)
	}
	return nil
}
