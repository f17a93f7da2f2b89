// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package language

import (
	"encoding/binary"
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

func (b bits) key() string {
	out := make([]byte, 0, 8*len(b))
	for _, w := range b {
		out = binary.LittleEndian.AppendUint64(out, w)
	}
	return string(out)
}

// machine runs all patterns at once. A position whose rune is r moves on by r; a
// position of a run stays, and is passed without any character.
type machine struct {
	size     int
	first    []int // of each pattern
	last     []int
	on       map[rune]bits // positions that one character moves on from
	other    bits          // the same for characters that no pattern names
	runs     bits          // positions of AnyRun and AnyLevel
	levels   bits          // those of AnyLevel
	alphabet []rune        // one of each kind of characters
}

func newMachine(s Search) *machine {
	m := &machine{on: map[rune]bits{}}
	for _, p := range s.Patterns {
		m.first = append(m.first, m.size)
		m.size += len(p)
		m.last = append(m.last, m.size)
		m.size++
	}
	m.other, m.runs, m.levels = newBits(m.size), newBits(m.size), newBits(m.size)
	for i, p := range s.Patterns {
		m.learn(p, m.first[i])
	}
	for r, b := range m.on {
		for w := range b {
			b[w] |= m.other[w]
		}
		if r != '/' && !strings.ContainsRune(s.Without, r) {
			m.alphabet = append(m.alphabet, r)
		}
	}
	slices.Sort(m.alphabet)
	m.alphabet = append([]rune{m.unnamed(s.Without)}, m.alphabet...)
	if !strings.ContainsRune(s.Without, '/') {
		m.alphabet = append(m.alphabet, '/') // a kind of its own, because of levels
	}
	return m
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
	on := m.on[r]
	if on == nil {
		on = m.other
	}
	out := newBits(m.size)
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
	return out
}

func (m *machine) hits(b bits) []bool {
	hits := make([]bool, len(m.last))
	for i, at := range m.last {
		hits[i] = b.has(at)
	}
	return hits
}
