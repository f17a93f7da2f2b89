// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package policies

import (
	"strings"
	"unicode/utf8"
)

// A pattern is a resource or a value as it is written, in pieces.
type pattern []piece

type pieceKind int

const (
	literal  pieceKind = iota
	star               // any run of characters, the empty one and / included
	one                // one character
	variable           // a context value, which is literal whatever is in it
)

type piece struct {
	kind     pieceKind
	text     string // the literal, or the variable as it is written
	key      string // of a variable, canonical; "": a broken one
	fallback *string
}

// parsePattern takes text apart. Without variables, as under the old version of
// the language, "${" is plain text; wildcards are always wildcards.
func parsePattern(text string, variables bool) pattern {
	var p pattern
	plain := func(s string) {
		if s == "" {
			return
		}
		if n := len(p); n > 0 && p[n-1].kind == literal {
			p[n-1].text += s
			return
		}
		p = append(p, piece{kind: literal, text: s})
	}
	for text != "" {
		i := strings.IndexAny(text, "*?$")
		if i < 0 {
			plain(text)
			break
		}
		plain(text[:i])
		text = text[i:]
		switch {
		case text[0] == '*':
			p, text = append(p, piece{kind: star}), text[1:]
		case text[0] == '?':
			p, text = append(p, piece{kind: one}), text[1:]
		case !variables || !strings.HasPrefix(text, "${"):
			plain(text[:1])
			text = text[1:]
		default:
			v, n := parseVariable(text)
			if v.kind == literal {
				plain(v.text)
			} else {
				p = append(p, v)
			}
			text = text[n:]
		}
	}
	return p
}

// parseVariable reads "${…}" at the beginning of text: ${name}, ${name, 'else'},
// or a character that would have a meaning, ${*}, ${?}, ${$}.
func parseVariable(text string) (v piece, length int) {
	end := strings.IndexByte(text, '}')
	if end < 0 {
		return piece{kind: variable, text: text}, len(text) // never resolves
	}
	inner := text[len("${"):end]
	switch inner {
	case "*", "?", "$":
		return piece{kind: literal, text: inner}, end + 1
	}
	v = piece{kind: variable, text: text[:end+1]}
	name, rest, found := strings.Cut(inner, ",")
	if found {
		rest = strings.TrimSpace(rest)
		if len(rest) < 2 || rest[0] != '\'' || rest[len(rest)-1] != '\'' {
			return v, end + 1
		}
		rest = rest[1 : len(rest)-1]
		v.fallback = &rest
	}
	v.key = canonicalKey(strings.TrimSpace(name))
	return v, end + 1
}

// Runes of a glob beyond those of UTF-8.
const (
	anyRun rune = -1
	anyOne rune = -2
)

// A glob is a pattern whose variables have been replaced. Characters of values
// are never wildcards.
type glob struct {
	prefix string // up to the first wildcard
	rest   []rune // from there; nil: the prefix is all
}

// resolve replaces the variables. Those that cannot be are named, and the
// pattern then matches nothing (thing-policy-examples: "won't be resolved and
// will result in an access denied error").
func (p pattern) resolve(ctx Context) (g glob, missing []string) {
	var wild bool
	add := func(s string) {
		if !wild {
			g.prefix += s
			return
		}
		for _, r := range s {
			g.rest = append(g.rest, r)
		}
	}
	for _, piece := range p {
		switch piece.kind {
		case literal:
			add(piece.text)
		case star:
			wild = true
			if n := len(g.rest); n == 0 || g.rest[n-1] != anyRun {
				g.rest = append(g.rest, anyRun)
			}
		case one:
			wild = true
			g.rest = append(g.rest, anyOne)
		case variable:
			value, ok := ctx.substitute(piece)
			if !ok {
				missing = append(missing, piece.text)
			}
			add(value)
		}
	}
	return g, missing
}

// match is true if all of s is covered. It needs no memory, and its time is
// bounded by the product of the lengths.
func (g *glob) match(s []byte) bool {
	if len(s) < len(g.prefix) || string(s[:len(g.prefix)]) != g.prefix {
		return false
	}
	s = s[len(g.prefix):]
	if g.rest == nil {
		return len(s) == 0
	}
	return matchRunes(g.rest, s)
}

// matchRunes is the usual walk with two pointers: at a mismatch the last star
// takes one character more.
func matchRunes(pat []rune, s []byte) bool {
	p, i := 0, 0
	starAt, starFrom := -1, 0
	for i < len(s) {
		r, size := rune(s[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRune(s[i:])
		}
		switch {
		case p < len(pat) && pat[p] == anyRun:
			starAt, starFrom = p, i
			p++
		case p < len(pat) && (pat[p] == r || pat[p] == anyOne):
			p++
			i += size
		case starAt >= 0:
			_, skip := utf8.DecodeRune(s[starFrom:])
			starFrom += skip
			p, i = starAt+1, starFrom
		default:
			return false
		}
	}
	for p < len(pat) && pat[p] == anyRun {
		p++
	}
	return p == len(pat)
}

// runes are the whole pattern, wildcards among them.
func (g *glob) runes() []rune { return append([]rune(g.prefix), g.rest...) }

// String is the pattern as people read it; replaced values are not quoted.
func (g *glob) String() string {
	var b strings.Builder
	b.WriteString(g.prefix)
	for _, r := range g.rest {
		switch r {
		case anyRun:
			b.WriteByte('*')
		case anyOne:
			b.WriteByte('?')
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
