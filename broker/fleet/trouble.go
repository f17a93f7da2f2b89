// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
)

// troubles are why the fleet may know less than it should, each under the name of
// what is in trouble.
type troubles struct {
	log *slog.Logger
	now func() time.Time

	mu   sync.Mutex
	list map[string]trouble
}

type trouble struct {
	text  string
	until time.Time // zero: until it is cleared
}

// A trouble that nothing clears is told for so long.
const troubleLasts = time.Hour

// set tells of a trouble, and logs it when it begins.
func (t *troubles) set(name, text string, err error) {
	if err != nil {
		text = fmt.Sprintf("%s: %s", text, cut(err.Error(), maxReason))
	}
	if t.put(name, trouble{text: text}) {
		t.log.Warn("the fleet is in trouble", "what", name, "text", text)
	}
}

// happened tells of something that is over, for a while.
func (t *troubles) happened(name, text string) {
	if t.put(name, trouble{text: text, until: t.now().Add(troubleLasts)}) {
		t.log.Warn("the fleet was in trouble", "what", name, "text", text)
	}
}

func (t *troubles) put(name string, what trouble) (begins bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.list == nil {
		t.list = make(map[string]trouble)
	}
	_, there := t.list[name]
	t.list[name] = what
	return !there
}

func (t *troubles) clear(name string) {
	t.mu.Lock()
	_, there := t.list[name]
	delete(t.list, name)
	t.mu.Unlock()
	if there {
		t.log.Info("the fleet's trouble is over", "what", name)
	}
}

// text is all of it, as one line.
func (t *troubles) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var texts []string
	for name, what := range t.list {
		if !what.until.IsZero() && t.now().After(what.until) {
			delete(t.list, name)
			continue
		}
		texts = append(texts, what.text)
	}
	slices.Sort(texts)
	return strings.ToValidUTF8(strings.Join(texts, "; "), "\uFFFD")
}
