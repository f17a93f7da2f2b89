// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package mosquitto

import (
	"slices"
	"strings"

	"thingpass/policies"
)

// maxLevels is how many levels a topic of AWS IoT may have: at most seven
// slashes. So * for whole levels has an end.
const maxLevels = 8

// What stands for a variable in a pattern line.
var substitutes = map[string]string{
	"iot:connection.thing.thingname":     "%u",
	"iot:certificate.subject.commonname": "%u",
	"iot:clientid":                       "%c",
}

// inexpressible says why a resource cannot be said in an access list.
type inexpressible struct{ why string }

func (e *inexpressible) Error() string { return e.why }

// level is one level of a topic.
type level struct {
	text string
	star bool // * alone: any number of levels, at least one
}

// A target is what a resource covers of the topics, or of the filters, of this
// server. One resource has several where a wildcard may end before the topic or
// within it.
type target struct {
	levels []level // with err those before the first that cannot be said
	err    error
}

// targets are all that a resource covers. Whatever is of another place or of
// another kind gives none.
func (s *section) targets(doc *policies.Document, resource, kind string) []target {
	rests, err := behind(doc.Pieces(resource), s.at.ARN(kind))
	if err != nil {
		return []target{{err: err}}
	}
	var out []target
	for _, rest := range rests {
		if levels, err := levelsOf(rest, s); len(rest) > 0 {
			out = append(out, target{levels, err})
		}
	}
	return out
}

// topicTargets leaves out what no message has for its topic.
func (s *section) topicTargets(doc *policies.Document, resource string) []target {
	return slices.DeleteFunc(s.targets(doc, resource, "topic/"), func(t target) bool { return !mayBeTopic(t.levels) })
}

// spot is a place in a pattern.
type spot struct{ piece, offset int }

// behind returns what patterns are left of pieces once a text has been covered
// from the beginning: that of "a*" behind "ab" is "*". It is exact, and follows
// all ways at once, so that its time is bounded.
func behind(pieces []policies.Piece, text string) ([][]policies.Piece, error) {
	now := []spot{{}}
	for i := range len(text) {
		var next []spot
		add := func(at spot) {
			if !slices.Contains(next, at) {
				next = append(next, at)
			}
		}
		for k := 0; k < len(now); k++ { // it grows
			at := now[k]
			if at.piece == len(pieces) {
				continue
			}
			switch p := pieces[at.piece]; p.Kind {
			case policies.AnyRunOf:
				add(at)
				if after := (spot{at.piece + 1, 0}); !slices.Contains(now, after) {
					now = append(now, after)
				}
			case policies.AnyOneOf:
				add(spot{at.piece + 1, 0})
			case policies.Variable:
				return nil, &inexpressible{p.Text + " stands before the topic"}
			default:
				switch {
				case p.Text[at.offset] != text[i]:
				case at.offset+1 == len(p.Text):
					add(spot{at.piece + 1, 0})
				default:
					add(spot{at.piece, at.offset + 1})
				}
			}
		}
		now = next
	}
	return tails(pieces, now), nil
}

func tails(pieces []policies.Piece, spots []spot) [][]policies.Piece {
	var out [][]policies.Piece
	for _, at := range spots {
		tail := slices.Clone(pieces[at.piece:])
		if at.offset > 0 {
			tail[0].Text = tail[0].Text[at.offset:]
		}
		out = append(out, tail)
	}
	return out
}

// levelsOf splits a topic or a filter into levels. Up to the first that cannot be said they
// are returned with the error, for a Deny that denies all below them.
func levelsOf(pieces []policies.Piece, who *section) ([]level, error) {
	var out []level
	var now []policies.Piece
	finish := func() error {
		l, err := oneLevel(now, who)
		if err == nil {
			out, now = append(out, l), nil
		}
		return err
	}
	for _, p := range pieces {
		if p.Kind != policies.Literal {
			now = append(now, p)
			continue
		}
		parts := strings.Split(p.Text, "/")
		for i, part := range parts {
			if i > 0 {
				if err := finish(); err != nil {
					return out, err
				}
			}
			if part != "" {
				now = append(now, policies.Piece{Kind: policies.Literal, Text: part})
			}
		}
	}
	return out, finish()
}

func oneLevel(pieces []policies.Piece, who *section) (level, error) {
	text := ""
	for _, p := range pieces {
		switch {
		case p.Kind == policies.AnyRunOf && len(pieces) == 1:
			return level{star: true}, nil
		case p.Kind == policies.AnyRunOf:
			return level{}, &inexpressible{"* is only a part of a level"}
		case p.Kind == policies.AnyOneOf:
			return level{}, &inexpressible{"? may be a part of a level, or a slash"}
		case p.Kind == policies.Variable && who.thing != "" && substitutes[p.Key] == "%u":
			text += who.thing
			continue
		case p.Kind == policies.Variable:
			return variableLevel(p, len(pieces) == 1, who.user)
		}
		text += p.Text
	}
	if strings.ContainsFunc(text, func(r rune) bool { return r < 0x20 || r == 0x7f }) || text != strings.TrimSpace(text) {
		return level{}, &inexpressible{"a level with control characters, or with a space at its end"}
	}
	if strings.ContainsRune(text, '%') && who.user == "" {
		return level{}, &inexpressible{"% means something in a pattern line"}
	}
	return level{text: text}, nil
}

func variableLevel(p policies.Piece, alone bool, asUser string) (level, error) {
	s, ok := substitutes[p.Key]
	switch {
	case asUser != "":
		return level{}, &inexpressible{p.Text + " in the lines of a user"}
	case !ok:
		return level{}, &inexpressible{"Mosquitto does not know " + p.Text}
	case !alone:
		return level{}, &inexpressible{p.Text + " is only a part of a level, which Mosquitto 2.1 does not replace"}
	}
	return level{text: s}, nil
}

// mayBeTopic is false of levels that no message has in its topic.
func mayBeTopic(levels []level) bool {
	return len(levels) == 0 || levels[0].text != "$share" && !slices.ContainsFunc(levels, func(l level) bool { return strings.ContainsAny(l.text, "+#") })
}

// expand returns the topics with + that together are the levels: * stands for
// one level, or two, up to most in all. A * at the beginning covers AWS's own
// topics, too, which + does not.
func expand(levels []level, most int) []string {
	var out []string
	var grow func(i int, done []string)
	grow = func(i int, done []string) {
		switch {
		case i == len(levels):
			out = append(out, strings.Join(done, "/"))
			if levels[0].star {
				out = append(out, strings.Join(append([]string{"$aws"}, done[1:]...), "/"))
			}
		case !levels[i].star:
			grow(i+1, append(slices.Clone(done), levels[i].text))
		default:
			for n := 1; len(done)+n+len(levels)-i-1 <= most; n++ {
				grow(i+1, append(slices.Clone(done), slices.Repeat([]string{"+"}, n)...))
			}
		}
	}
	if !slices.ContainsFunc(levels, func(l level) bool { return l.star }) {
		most = maxLevels
	}
	if len(levels) <= most {
		grow(0, nil)
	}
	slices.SortStableFunc(out, func(a, b string) int { return strings.Count(a, "/") - strings.Count(b, "/") })
	return slices.Compact(out)
}

// everything is all topics but those that only $… of other words covers.
func everything() []string { return []string{"#", "$aws/#"} }

// below denies everything from the levels on, since the next cannot be said.
func below(levels []level) []string {
	for i, l := range levels {
		if l.star {
			levels = levels[:i]
			break
		}
	}
	if len(levels) == 0 {
		return everything()
	}
	texts := make([]string, len(levels))
	for i, l := range levels {
		texts[i] = l.text
	}
	return []string{strings.Join(texts, "/") + "/#"}
}
