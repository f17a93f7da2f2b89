// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package language

import (
	"encoding/binary"
	mathbits "math/bits"
	"slices"
	"strings"

	"thingpass/policies"
)

// bits is a set of positions in all patterns, one behind the other. Each pattern
// has one position more than runes: the last means that all of it is matched.
type bits []uint64

func newBits(n int) bits { return make(bits, (n+63)/64) }

func (b bits) set(i int)      { b[i/64] |= 1 << (i % 64) }
func (b bits) has(i int) bool { return b[i/64]&(1<<(i%64)) != 0 }

func (b bits) empty() bool {
	for _, w := range b {
		if w != 0 {
			return false
		}
	}
	return true
}

// key is what tells sets from each other, written into a buffer.
func (b bits) key(buffer []byte) []byte {
	buffer = buffer[:0]
	for _, w := range b {
		buffer = binary.LittleEndian.AppendUint64(buffer, w)
	}
	return buffer
}

// machine runs all patterns at once. A position whose rune is r moves on by r; a
// position of a run stays, and is passed without any character.
type machine struct {
	size    int
	first   []int // of each pattern
	last    []int
	on      map[rune]bits // positions that one character moves on from
	other   bits          // the same for characters that no pattern names
	runs    bits          // positions of AnyRun and AnyLevel
	levels  bits          // those of AnyLevel
	at      []rune        // the rune of each position; 0 at the last of a pattern
	without string
	any     rune   // a character that no pattern names: all such behave alike
	letters []rune // of next
}

func newMachine(s Search) *machine {
	m := &machine{on: map[rune]bits{}}
	for _, p := range s.Patterns {
		m.first = append(m.first, m.size)
		m.size += len(p)
		m.last = append(m.last, m.size)
		m.size++
	}
	m.at = make([]rune, m.size)
	m.other, m.runs, m.levels = newBits(m.size), newBits(m.size), newBits(m.size)
	for i, p := range s.Patterns {
		m.learn(p, m.first[i])
	}
	for _, b := range m.on {
		for w := range b {
			b[w] |= m.other[w]
		}
	}
	m.without, m.any = s.Without, m.unnamed(s.Without)
	return m
}

// next returns a character of each kind that a state tells from others: one that
// no pattern names, those that some pattern waits for, and the slash where it
// would end a level. Any other leads where the first does.
func (m *machine) next(b bits) []rune {
	out := append(m.letters[:0], m.any)
	slash := false
	for w, word := range b {
		slash = slash || word&m.levels[w] != 0
		for ; word != 0; word &= word - 1 {
			r := m.at[w*64+mathbits.TrailingZeros64(word)]
			switch {
			case r <= 0: // a run, any one, or the end
			case r == '/':
				slash = true
			case !slices.Contains(out, r) && !strings.ContainsRune(m.without, r):
				out = append(out, r)
			}
		}
	}
	slices.Sort(out[1:])
	if slash && !strings.ContainsRune(m.without, '/') {
		out = append(out, '/')
	}
	m.letters = out
	return out
}

func (m *machine) learn(p policies.Glob, at int) {
	for _, r := range p {
		switch r {
		case AnyLevel:
			m.levels.set(at)
			m.runs.set(at)
		case policies.AnyRun:
			m.runs.set(at)
		case policies.AnyOne:
			m.other.set(at)
		default:
			if m.on[r] == nil {
				m.on[r] = newBits(m.size)
			}
			m.on[r].set(at)
		}
		at++
	}
	copy(m.at[at-len(p):], p)
}

// unnamed is a character that no pattern names: all such behave alike.
func (m *machine) unnamed(without string) rune {
	for _, r := range "xyzabcdefghijklmnopqrstuvw0123456789XYZABCDEFGHIJKLMNOPQRSTUVW_-:.=@~" {
		if m.on[r] == nil && !strings.ContainsRune(without, r) {
			return r
		}
	}
	for r := 'à'; ; r++ {
		if m.on[r] == nil && !strings.ContainsRune(without, r) {
			return r
		}
	}
}

func (m *machine) start() bits {
	b := newBits(m.size)
	for _, at := range m.first {
		b.set(at)
	}
	m.pass(b)
	return b
}

// pass adds what is reached without a character: the end of a run.
func (m *machine) pass(b bits) {
	for again := true; again; { // once more for runs behind runs
		again = false
		var carry uint64
		for w := range b {
			moved := b[w] & m.runs[w]
			next := b[w] | moved<<1 | carry
			carry = moved >> 63
			again = again || next&^b[w]&m.runs[w] != 0
			b[w] = next
		}
	}
}

func (m *machine) step(b bits, r rune) bits {
	out := newBits(m.size)
	m.stepInto(out, b, r)
	return out
}

// stepInto is step into a set that is used again and again.
func (m *machine) stepInto(out, b bits, r rune) {
	on := m.on[r]
	if on == nil {
		on = m.other
	}
	var carry uint64
	for w := range b {
		moved := b[w] & on[w]
		out[w] = moved<<1 | carry
		carry = moved >> 63
		stay := b[w] & m.runs[w]
		if r == '/' {
			stay &^= m.levels[w]
		}
		out[w] |= stay
	}
	m.pass(out)
}

func (m *machine) hits(b bits) []bool { return m.hitsInto(make([]bool, len(m.last)), b) }

func (m *machine) hitsInto(hits []bool, b bits) []bool {
	for i, at := range m.last {
		hits[i] = b.has(at)
	}
	return hits
}
