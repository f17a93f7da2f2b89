// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package policies

// JSON with positions. encoding/json tells no place of a value, keeps the last
// of two equal keys, and repairs invalid UTF-8 in silence; a policy must be read
// as AWS reads it, or not at all.

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	maxDocument = 64 << 10 // bytes; the largest AWS takes is a bucket policy of 20 KB
	maxDepth    = 12       // levels; the deepest legal document has 6
)

// node is a JSON value with its place.
type node struct {
	pos   Position
	value any // string, json.Number, bool, nil, []*node or []member
}

type member struct {
	key   Text
	value *node
}

type jsonReader struct {
	text  []byte
	dec   *json.Decoder
	depth int
	line  int // of offset mark
	start int // offset of that line's first byte
	mark  int
}

// readJSON reads exactly one value.
func readJSON(text []byte) (*node, *Problem) {
	if len(text) > maxDocument {
		return nil, &Problem{Text: fmt.Sprintf("the document has %d bytes; AWS takes no policy of more than %d", len(text), maxDocument)}
	}
	if bytes.HasPrefix(text, []byte("\xef\xbb\xbf")) {
		return nil, &Problem{Pos: Position{1, 1}, Text: "the document begins with a byte order mark, which AWS refuses", Fix: "save it as UTF-8 without BOM"}
	}
	r := &jsonReader{text: text, dec: json.NewDecoder(bytes.NewReader(text)), line: 1}
	r.dec.UseNumber()
	if at := invalidUTF8(text); at >= 0 {
		return nil, &Problem{Pos: r.position(at), Text: "this is not UTF-8", Fix: "save the document as UTF-8"}
	}
	n, problem := r.value()
	if problem != nil {
		return nil, problem
	}
	if rest := r.next(); rest < len(text) {
		return nil, &Problem{Pos: r.position(rest), Text: "there is something behind the end of the document", Fix: "one file holds one policy"}
	}
	return n, nil
}

func invalidUTF8(text []byte) int {
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}

// value reads the next value, whose first token has not been read.
func (r *jsonReader) value() (*node, *Problem) {
	from := r.next()
	pos := r.position(from)
	token, err := r.dec.Token()
	if err != nil {
		return nil, r.broken(err)
	}
	delim, ok := token.(json.Delim)
	if !ok {
		return &node{pos: pos, value: token}, r.odd(token, from, pos)
	}
	if r.depth++; r.depth > maxDepth {
		return nil, &Problem{Pos: pos, Text: fmt.Sprintf("nested deeper than %d levels: no policy is", maxDepth)}
	}
	n := &node{pos: pos}
	var problem *Problem
	if delim == '{' {
		n.value, problem = r.object()
	} else {
		n.value, problem = r.array()
	}
	r.depth--
	return n, problem
}

func (r *jsonReader) object() ([]member, *Problem) {
	members := []member{}
	seen := map[string]Position{}
	for r.dec.More() {
		from := r.next()
		pos := r.position(from)
		token, err := r.dec.Token()
		if err != nil {
			return nil, r.broken(err)
		}
		key := Text{Value: token.(string), Pos: pos} // the decoder lets nothing else be a key
		if problem := r.odd(token, from, pos); problem != nil {
			return nil, problem
		}
		if first, twice := seen[key.Value]; twice {
			return nil, &Problem{Pos: pos, Text: fmt.Sprintf("%q stands here for the second time, first at %v", key.Value, first),
				Fix: "join the two: which of them counts is not defined"}
		}
		seen[key.Value] = pos
		value, problem := r.value()
		if problem != nil {
			return nil, problem
		}
		members = append(members, member{key, value})
	}
	return members, r.end()
}

func (r *jsonReader) array() ([]*node, *Problem) {
	items := []*node{}
	for r.dec.More() {
		item, problem := r.value()
		if problem != nil {
			return nil, problem
		}
		items = append(items, item)
	}
	return items, r.end()
}

func (r *jsonReader) end() *Problem {
	if _, err := r.dec.Token(); err != nil {
		return r.broken(err)
	}
	return nil
}

// odd finds what encoding/json lets through in a string: NUL, and half of a
// character's escape, which it replaces. The string has just been read.
func (r *jsonReader) odd(token json.Token, from int, pos Position) *Problem {
	s, ok := token.(string)
	if !ok {
		return nil
	}
	if strings.ContainsRune(s, 0) {
		return &Problem{Pos: pos, Text: "a string has a NUL in it", Fix: "no topic and no name has one"}
	}
	if !strings.ContainsRune(s, utf8.RuneError) {
		return nil
	}
	raw := bytes.ToLower(r.text[from:r.dec.InputOffset()])
	if meant := bytes.Count(raw, []byte("\xef\xbf\xbd")) + bytes.Count(raw, []byte(`\ufffd`)); strings.Count(s, "\ufffd") > meant {
		return &Problem{Pos: pos, Text: `a string has half of a character, such as \ud800 without its second half`, Fix: "write the character itself"}
	}
	return nil
}

// next is the offset of the next token.
func (r *jsonReader) next() int {
	at := int(r.dec.InputOffset())
	for at < len(r.text) && strings.IndexByte(" \t\r\n,:", r.text[at]) >= 0 {
		at++
	}
	return at
}

// broken words an error of encoding/json.
func (r *jsonReader) broken(err error) *Problem {
	var syntax *json.SyntaxError
	at := r.next()
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return &Problem{Pos: r.position(len(r.text)), Text: "the document ends too early", Fix: "a bracket or a quote is not closed"}
	case errors.As(err, &syntax) && int(syntax.Offset) > 0:
		at = r.culprit(int(syntax.Offset), err.Error(), at)
	}
	if at < len(r.text) && (r.text[at] == '/' || r.text[at] == '#') {
		return &Problem{Pos: r.position(at), Text: "JSON has no comments, and AWS refuses them", Fix: "say it in a Sid, or beside the document"}
	}
	return &Problem{Pos: r.position(at), Text: "this is not JSON: " + err.Error()}
}

// culprit is where the character is that encoding/json complains of: its offsets
// are those of the token before, of the character, or of the one behind it.
func (r *jsonReader) culprit(offset int, complaint string, otherwise int) int {
	for _, at := range []int{offset - 1, offset, otherwise} {
		if at < len(r.text) && strings.Contains(complaint, "invalid character "+quoted(r.text[at])) {
			return at
		}
	}
	return otherwise
}

// quoted is how encoding/json writes a character.
func quoted(c byte) string {
	switch c {
	case '\'':
		return `'\''`
	case '"':
		return `'"'`
	}
	s := strconv.Quote(string(rune(c)))
	return "'" + s[1:len(s)-1] + "'"
}

// position turns an offset into a place. Offsets mostly grow, so it goes on
// from where it was.
func (r *jsonReader) position(at int) Position {
	at = min(at, len(r.text))
	if at < r.mark {
		r.line, r.start, r.mark = 1, 0, 0
	}
	for ; r.mark < at; r.mark++ {
		if r.text[r.mark] == '\n' {
			r.line, r.start = r.line+1, r.mark+1
		}
	}
	return Position{r.line, at - r.start + 1}
}
