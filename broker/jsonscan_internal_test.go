// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package broker

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"unicode/utf8"
)

// judge is encoding/json's Decoder, whose tokens the scanner's must be.
type judge struct{ dec *json.Decoder }

func newJudge(text string) judge {
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	return judge{dec}
}

func (j judge) next() (token, error) {
	t, err := j.dec.Token()
	if err != nil {
		return token{}, err
	}
	switch v := t.(type) {
	case json.Delim:
		return token{kind: byte(v)}, nil
	case string:
		return token{'"', v}, nil
	case json.Number:
		return token{'0', v.String()}, nil
	case bool:
		return token{kind: fmt.Sprint(v)[0]}, nil
	}
	return token{kind: 'n'}, nil
}

// hard are texts at the edges of the grammar.
var hard = []string{
	``, ` `, `{`, `}`, `[`, `]`, `,`, `:`, `{}`, `[]`, `{}{}`, `[]]`, `{]`, `[}`, `[,]`, `[1,]`, `[,1]`, `[1 2]`, `{,}`, `{"a"}`, `{"a":}`, `{"a":1,}`, `{"a" 1}`,
	`{"a":1 "b":2}`, `{"a":1:2}`, `{1:2}`, `{"a":[{"b":[]}]}`, `{"a":01}`, `[-]`, `[-0]`, `[-01]`, `[1.]`, `[.5]`, `[1.5]`, `[1e]`, `[1e+]`, `[1E-07]`, `[0e0]`, `[+1]`,
	`[1x]`, `[0x10]`, `[NaN]`, `[tru]`, `[true]`, `[truex]`, `[falsefalse]`, `[nul`, `[null]`, `[TRUE]`, `"`, `"\`, `"\x"`, `"\u`, `"\u12`, `"\u12g4"`, `"\u00e9"`, `"\uD83D\uDE00"`,
	`"\ud800"`, `"\ud800x"`, `"\ud800\u0041"`, `"\ud800\ud800\udc00"`, `"\udc00\ud800"`, `"\ud800\n"`, `"\ud800\u12"`, `"\b\f\n\r\t\/\\\""`, `"\'"`, `"\a"`, `"\0"`,
	"\"\t\"", "\"\x00\"", "[\x00]", "\x00", "\"\x7f\u2028\"", "\ufeff{}", "{\"\u00e9\":\"\u65e5\"}", "[1,\v2]", "[1,\u00a02]", "\r\n\t {\t}\n", `[/**/1]`, `["a" , "b"]`, `{"a":1}//`,
}

func FuzzScanner(f *testing.F) {
	for _, text := range hard {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) {
			return // readObject lets none through, and encoding/json would mend it
		}
		ours, theirs := scanner{text: text}, newJudge(text)
		for range len(text) + 2 {
			if more := ours.more(); more != theirs.dec.More() {
				t.Fatalf("%q at %d: more is %v", text, ours.at, more)
			}
			got, err := ours.next()
			want, judged := theirs.next()
			if got != want || (err == nil) != (judged == nil) || errors.Is(err, io.EOF) != errors.Is(judged, io.EOF) {
				t.Fatalf("%q: %q, %v, want %q, %v", text, got, err, want, judged)
			}
			if int64(ours.at) != theirs.dec.InputOffset() {
				t.Fatalf("%q: at %d, want %d", text, ours.at, theirs.dec.InputOffset())
			}
			if err != nil {
				return
			}
		}
		t.Fatalf("%q has no end", text)
	})
}
