// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package terminal

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

const (
	// patience is how long work may take before there is anything to see.
	patience = 500 * time.Millisecond
	redraw   = 100 * time.Millisecond
	barWidth = 24
)

// Progress is one line that tells how far some work is. Only a terminal shows it,
// only if the work takes longer than a moment, and nothing of it stays. All
// methods may be called by many goroutines, and on nil.
type Progress struct {
	w    io.Writer
	what string

	mu          sync.Mutex
	done, total int64
	begun       time.Time
	shown       bool

	stop, stopped chan struct{}
	end           sync.Once
}

// Start tells on w, if that is a terminal, how far work is that is called what. A
// total of 0 means that nobody knows how much there is. Call End.
func Start(w io.Writer, what string, total int64) *Progress {
	if !Is(w) {
		return nil
	}
	return start(w, what, total, patience, time.NewTicker(redraw).C)
}

func start(w io.Writer, what string, total int64, patience time.Duration, tick <-chan time.Time) *Progress {
	p := &Progress{w: w, what: what, total: total, begun: time.Now(), stop: make(chan struct{}), stopped: make(chan struct{})}
	go p.show(patience, tick)
	return p
}

// Add says that so much more is done.
func (p *Progress) Add(n int64) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done += n
}

// End wipes the line. It may be called again.
func (p *Progress) End() {
	if p == nil {
		return
	}
	p.end.Do(func() {
		close(p.stop)
		<-p.stopped
	})
}

func (p *Progress) show(patience time.Duration, tick <-chan time.Time) {
	defer close(p.stopped)
	for {
		select {
		case <-p.stop:
			if p.shown {
				_, _ = io.WriteString(p.w, "\r\x1b[K")
			}
			return
		case now := <-tick:
			if now.Sub(p.begun) >= patience {
				p.shown = true
				_, _ = io.WriteString(p.w, "\r\x1b[K"+p.line(now))
			}
		}
	}
}

// line has no more than 79 columns, as long as what has no more than 30.
func (p *Progress) line(now time.Time) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	took := now.Sub(p.begun)
	if p.total <= 0 {
		return fmt.Sprintf("%s … %v", p.what, took.Round(time.Second))
	}
	done := min(p.done, p.total)
	full := int(done * barWidth / p.total)
	bar := strings.Repeat("#", full) + strings.Repeat(".", barWidth-full)
	left := ""
	if done > 0 && done < p.total {
		left = fmt.Sprintf(", %v left", (took * time.Duration(p.total-done) / time.Duration(done)).Round(time.Second))
	}
	return fmt.Sprintf("%s [%s] %d/%d%s", p.what, bar, done, p.total, left)
}
