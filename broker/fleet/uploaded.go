// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"thingpass/broker"
)

const (
	maxEvent = 65536 // bytes [P-1.1]
	maxKey   = 1024
)

// Uploaded takes an `uploaded` event from MQTT [P-7], so that a photo is seen
// before the journal tells of it. It makes an object the newest and counts nothing:
// to be told twice does no harm. What is not such an event is ignored; the error
// says why.
func (f *Fleet) Uploaded(topic string, payload []byte) error {
	now := f.conf.Now()
	name, o, err := parseUploaded(f.conf.Root, topic, payload, now)
	if err != nil {
		return err
	}
	f.index.mu.Lock()
	t := f.index.thing(name)
	var photo bool
	if t != nil {
		photo = t.store(o)
		f.index.version++
	}
	f.index.mu.Unlock()
	if t == nil {
		return errors.New("there are too many things for another one")
	}
	f.tell([]Change{{Thing: name, Photo: photo}})
	return nil
}

type uploadedEvent struct {
	Thing       string `json:"thing"`
	Kind        string `json:"kind"`
	ObjectKey   string `json:"objectKey"`
	Size        *int64 `json:"size"`
	ContentType string `json:"contentType"`
	SHA256      string `json:"sha256"`
	ETag        string `json:"etag"`
	Time        int64  `json:"time"`
}

// parseUploaded reads an event, and believes no more of it than can be: whoever
// may publish on the topic may have written it.
func parseUploaded(root, topic string, payload []byte, now time.Time) (string, object, error) {
	rest, below := strings.CutPrefix(topic, root+"/")
	thing, is := strings.CutSuffix(rest, "/uploaded")
	if !below || !is || !broker.ValidThing(thing) {
		return "", object{}, errors.New("not the topic of an uploaded event")
	}
	var e uploadedEvent
	if len(payload) > maxEvent || !utf8.Valid(payload) || json.Unmarshal(payload, &e) != nil {
		return "", object{}, errors.New("the payload is not the JSON of an uploaded event")
	}
	key, own := strings.CutPrefix(e.ObjectKey, thing+"/"+e.Kind+"/")
	switch {
	case e.Thing != thing || e.Kind == "" || strings.Contains(e.Kind, "/"):
		return "", object{}, errors.New("the event is about another thing than its topic")
	case !own || key == "" || !plainText(e.ObjectKey, maxKey):
		return "", object{}, errors.New("the event's key is not one of its thing and kind")
	case e.Size == nil || *e.Size < 0 || *e.Size > broker.MaxMultipartSize || e.Time <= 0:
		return "", object{}, errors.New("the event has no size or time that an object can have")
	case !plainText(e.ContentType, maxField) || !plainText(e.ETag, maxField) || !hexSum(e.SHA256):
		return "", object{}, errors.New("the event's contentType, etag or sha256 is none")
	}
	at := now
	if told := time.Unix(min(e.Time, now.Unix()+int64(maxAhead/time.Second)+1), 0); !told.After(now.Add(maxAhead)) {
		at = told
	}
	return thing, object{key: e.ObjectKey, contentType: e.ContentType, sha256: e.SHA256, etag: e.ETag, size: *e.Size, at: nanos(at)}, nil
}

// plainText reports whether people can be shown s: at most n bytes of UTF-8 without
// control characters.
func plainText(s string, n int) bool {
	return len(s) <= n && utf8.ValidString(s) && strings.IndexFunc(s, unicode.IsControl) < 0
}

func hexSum(s string) bool {
	sum, err := hex.DecodeString(s)
	return err == nil && (len(sum) == 32 || s == "") && strings.ToLower(s) == s
}
