// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxQuote is how much of the input one finding repeats, in bytes.
const maxQuote = 120

// add records a finding, unless the same is known with more certainty. quote is
// looked for in the input from the byte near on, for its place.
func (e *evidence) add(id string, sure Certainty, quote string, near int, format string, args ...any) *Finding {
	entry, ok := catalogue[id]
	if !ok {
		entry.why, entry.do = "", "" // a test sees to it that there is none
	}
	f := &Finding{ID: id, Certainty: sure, What: fmt.Sprintf(format, args...), Quote: quote,
		Why: entry.why, Source: entry.source, Do: entry.do, order: len(e.findings)}
	f.Line, f.Column = e.place(quote, near)
	for i, known := range e.findings {
		if known.ID != id {
			continue
		}
		if known.Certainty.rank() > sure.rank() {
			f.order = known.order
			e.findings[i] = f
		}
		return e.findings[i]
	}
	e.findings = append(e.findings, f)
	return f
}

func (e *evidence) has(ids ...string) bool {
	return slices.ContainsFunc(e.findings, func(f *Finding) bool { return slices.Contains(ids, f.ID) })
}

// place is where quote stands, from 1, or 0 if it is not there as such.
func (e *evidence) place(quote string, near int) (line, column int) {
	if quote == "" || near < 0 || near > len(e.text) {
		return 0, 0
	}
	at := strings.Index(e.text[near:], quote)
	if at < 0 {
		near = 0
		if at = strings.Index(e.text, quote); at < 0 {
			return 0, 0
		}
	}
	before := e.text[:near+at]
	line = strings.Count(before, "\n") + 1
	column = utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1
	return line, column
}

// report is what may be shown, masked and in order.
func (e *evidence) report() Report {
	r := Report{Recognised: e.recognised, Canonical: e.mask(e.canonical), StringToSign: e.mask(e.toSign), Signature: e.verdict}
	for _, f := range e.findings {
		shown := *f
		shown.Quote = quotable(e.mask(f.Quote))
		shown.What, shown.Do = printable(e.mask(f.What)), printable(e.mask(f.Do))
		r.Findings = append(r.Findings, shown)
	}
	r.Canonical, r.StringToSign = printable(r.Canonical), printable(r.StringToSign)
	slices.SortStableFunc(r.Findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Certainty.rank(), b.Certainty.rank()), cmp.Compare(a.order, b.order))
	})
	return r
}

// printable replaces what a terminal might obey: the input may be hostile.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r >= ' ' && r != 0x7f && (r < 0x80 || r > 0x9f) && r != utf8.RuneError {
			return r
		}
		return '�'
	}, s)
}

// quotable is one short line. What cannot be seen is written as an escape.
func quotable(s string) string {
	s = strings.NewReplacer("\r", `\r`, "\n", `\n`, "\t", `\t`).Replace(s)
	if len(s) > maxQuote {
		cut := maxQuote
		for cut > 0 && !utf8.RuneStart(s[cut]) {
			cut--
		}
		s = s[:cut] + "…"
	}
	return printable(s)
}
