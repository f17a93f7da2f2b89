// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package mosquitto

import (
	"errors"
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

// errNothing tells that a resource covers no topic at all.
var errNothing = errors.New("it covers no topic")

// inexpressible says why a resource cannot be said in an access list.
type inexpressible struct{ why string }

func (e *inexpressible) Error() string { return e.why }

// level is one level of a topic.
type level struct {
	text string
	star bool // * alone: any number of levels, at least one
}

// topicOf cuts the topic off a resource: what stands behind "topic/" of an ARN
// of this place. errNothing: of another place, or no topic.
func topicOf(doc *policies.Document, resource string, at policies.Place) ([]policies.Piece, error) {
	return resourceOf(doc, resource, at, "topic/")
}

// resourceOf cuts the name off a resource of a kind, such as "topic/".
func resourceOf(doc *policies.Document, resource string, at policies.Place, kind string) ([]policies.Piece, error) {
	pieces := doc.Pieces(resource)
	if len(pieces) == 1 && pieces[0].Kind == policies.AnyRunOf {
		return pieces, nil
	}
	if len(pieces) == 0 || pieces[0].Kind != policies.Literal {
		return nil, &inexpressible{"it does not begin with arn:"}
	}
	// The fields before the resource must be this server's, word by word or by a
	// wildcard in the field.
	fields := []string{"arn", at.Partition, "iot", at.Region, at.Account}
	var field []policies.Piece
	rest := pieces
	for _, want := range fields {
		var ok bool
		if field, rest, ok = cutField(rest); !ok {
			return nil, errNothing
		}
		if !fieldIs(field, want) {
			return nil, errNothing
		}
	}
	switch {
	case len(rest) == 1 && rest[0].Kind == policies.AnyRunOf:
		return rest, nil // all resources
	case len(rest) > 0 && rest[0].Kind == policies.Literal && strings.HasPrefix(rest[0].Text, kind):
		out := slices.Clone(rest)
		if out[0].Text = strings.TrimPrefix(out[0].Text, kind); len(out) == 1 && out[0].Text == "" {
			return nil, errNothing
		}
		return out, nil
	case len(rest) > 0 && rest[0].Kind == policies.Literal && strings.ContainsAny(rest[0].Text, "/"):
		return nil, errNothing // a client, a filter …
	case len(rest) == 0:
		return nil, errNothing
	}
	return nil, &inexpressible{"the kind of resource has a wildcard"}
}

// cutField splits at the first colon of a literal.
func cutField(pieces []policies.Piece) (field, rest []policies.Piece, ok bool) {
	for i, p := range pieces {
		if p.Kind != policies.Literal {
			continue
		}
		before, after, found := strings.Cut(p.Text, ":")
		if !found {
			continue
		}
		field = slices.Clone(pieces[:i])
		if before != "" {
			field = append(field, policies.Piece{Kind: policies.Literal, Text: before})
		}
		if after != "" {
			rest = append(rest, policies.Piece{Kind: policies.Literal, Text: after})
		}
		return field, append(rest, pieces[i+1:]...), true
	}
	return nil, nil, false
}

// fieldIs is true if a field is this word, or * alone. Anything else is not ours.
func fieldIs(field []policies.Piece, want string) bool {
	if len(field) != 1 {
		return len(field) == 0 && want == ""
	}
	return field[0].Kind == policies.AnyRunOf || field[0].Kind == policies.Literal && field[0].Text == want
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

// isTopic is true of levels that a topic may have: no filter, and nothing that no
// message has for its topic.
func isTopic(levels []level) bool {
	return levels[0].text != "$share" && !slices.ContainsFunc(levels, func(l level) bool { return strings.ContainsAny(l.text, "+#") })
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
	if len(levels) <= most {
		grow(0, nil)
	}
	slices.SortStableFunc(out, func(a, b string) int { return strings.Count(a, "/") - strings.Count(b, "/") })
	return slices.Compact(out)
}

// below denies everything from the levels on, since the next cannot be said.
func below(levels []level) []string {
	for i, l := range levels {
		if l.star {
			levels = levels[:i]
			break
		}
	}
	if len(levels) == 0 {
		return []string{"#", "$aws/#"}
	}
	texts := make([]string, len(levels))
	for i, l := range levels {
		texts[i] = l.text
	}
	return []string{strings.Join(texts, "/") + "/#"}
}
