// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package broker

import "sync"

// Paper is what a request's decisions are noted on before they are written out. It
// is used again: for twenty objects it has 10 KB, which the garbage collector would
// have to look through each time.
type paper struct {
	replies []reply
	entries []Entry
}

var papers = sync.Pool{New: func() any { return new(paper) }}

// takePaper has room for n objects, and nothing on it.
func takePaper(n int) *paper {
	p := papers.Get().(*paper)
	if cap(p.replies) < n {
		p.replies, p.entries = make([]reply, n), make([]Entry, n)
	}
	p.replies, p.entries = p.replies[:n], p.entries[:n]
	return p
}

// giveBack wipes it. Nothing that was noted may be looked at after it.
func (p *paper) giveBack() {
	clear(p.replies)
	clear(p.entries)
	papers.Put(p)
}
