// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package broker

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

const (
	maxGroupName  = 64
	maxObjectName = 64

	// DefaultObjectName is the name of a shared object where a request has none.
	DefaultObjectName = "latest"

	everyThing = "*"
)

// A sharedLayout says how the keys of objects look that many things may fetch.
// It begins with plain text, never with a thing's name: what is below that is
// the thing's own. A field fills its segment but for an extension, so a key can
// be taken apart in one way only: group "a" cannot name what is group "a-b"'s.
type sharedLayout struct {
	segments []sharedSegment
}

// sharedSegment is plain text or a field, with what follows it.
type sharedSegment struct {
	field string // "thing", "group", "name" or ""
	text  string // after a field: "" or "." and plain text
}

// parseShared reads k.Object, and returns nil if there is none.
func parseShared(k Kind) (*sharedLayout, error) {
	if k.Object == "" {
		return nil, nil
	}
	l := &sharedLayout{}
	for text := range strings.SplitSeq(k.Object, "/") {
		s, err := parseSharedSegment(text)
		if err != nil {
			return nil, fmt.Errorf("object %q %w", k.Object, err)
		}
		if s.field != "" && l.has(s.field) {
			return nil, fmt.Errorf("object %q has {%s} twice", k.Object, s.field)
		}
		l.segments = append(l.segments, s)
	}
	if len(l.segments) < 2 || l.segments[0].field != "" {
		return nil, fmt.Errorf("object %q must begin with a folder of plain text: what begins with a thing's name is that thing's own", k.Object)
	}
	if longest := len(l.key(strings.Repeat("t", maxThingName), strings.Repeat("g", maxGroupName), strings.Repeat("n", maxObjectName))); longest > maxKey {
		return nil, fmt.Errorf("object %q can have %d bytes, S3 allows %d", k.Object, longest, maxKey)
	}
	return l, nil
}

func parseSharedSegment(text string) (sharedSegment, error) {
	rest, isField := strings.CutPrefix(text, "{")
	if !isField {
		if !plainSegment(text) {
			return sharedSegment{}, fmt.Errorf(`has the segment %q: only letters, digits, ".", "_" and "-", or a field, may stand there`, text)
		}
		return sharedSegment{text: text}, nil
	}
	field, after, closed := strings.Cut(rest, "}")
	if !closed || field != "thing" && field != "group" && field != "name" {
		return sharedSegment{}, fmt.Errorf("has the segment %q: the fields are {thing}, {group} and {name}, each at the beginning of a segment", text)
	}
	if after != "" && (after[0] != '.' || !plainSegment(after[1:])) {
		return sharedSegment{}, fmt.Errorf(`may have only "" or "." and plain text after {%s}, not %q`, field, after)
	}
	return sharedSegment{field, after}, nil
}

func (l *sharedLayout) has(field string) bool {
	return slices.ContainsFunc(l.segments, func(s sharedSegment) bool { return s.field == field })
}

// key returns the key of a shared object. Its parts are valid names.
func (l *sharedLayout) key(thing, group, name string) string {
	values := map[string]string{"thing": thing, "group": group, "name": name}
	parts := make([]string, len(l.segments))
	for i, s := range l.segments {
		parts[i] = values[s.field] + s.text
	}
	return strings.Join(parts, "/")
}

// meets tells whether both layouts can give one key. It errs to the safe side.
func (l *sharedLayout) meets(o *sharedLayout) bool {
	if len(l.segments) != len(o.segments) {
		return false
	}
	for i := range l.segments {
		if !l.segments[i].meets(o.segments[i]) {
			return false
		}
	}
	return true
}

func (s sharedSegment) meets(o sharedSegment) bool {
	if s.field == "" && o.field == "" {
		return s.text == o.text
	}
	return strings.HasSuffix(s.text, o.text) || strings.HasSuffix(o.text, s.text)
}

// checkAllowed judges who may fetch what.
func checkAllowed(k Kind) error {
	if k.Object == "" {
		if len(k.AllowThings)+len(k.AllowGroups) > 0 {
			return errors.New("allow_things and allow_groups are for shared objects: set object as well, or remove them")
		}
		return nil
	}
	for _, thing := range k.AllowThings {
		if thing != everyThing && !ValidThing(thing) {
			return fmt.Errorf("allow_things has %q, which no thing can be called; %q stands for every thing", thing, everyThing)
		}
	}
	for _, group := range k.AllowGroups {
		if !ValidGroup(group) {
			return fmt.Errorf("allow_groups has %q: a group's name is 1 to %d characters of a-z, 0-9 and -", group, maxGroupName)
		}
	}
	grouped := strings.Contains(k.Object, "{group}")
	switch {
	case len(k.Modes) != 1 || k.Modes[0] != ModeGet:
		return fmt.Errorf("object is for kinds that offer mode %s alone, not %q", ModeGet, k.Modes)
	case grouped && len(k.AllowThings) > 0:
		return errors.New("allow_things is of no use where object has {group}: allow groups")
	case grouped && len(k.AllowGroups) == 0:
		return errors.New("allow_groups is missing: object has {group}")
	case len(k.AllowThings)+len(k.AllowGroups) == 0:
		return errors.New("allow_things and allow_groups are missing: nobody could fetch its objects")
	}
	return nil
}

// ValidGroup reports whether name can be a group's name.
func ValidGroup(name string) bool {
	return validName(name, maxGroupName, func(c byte) bool { return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' })
}

// validObjectName is what a thing may name of a shared object: a part of one
// segment, and never the way out of a folder.
func validObjectName(name string) bool {
	return name != "" && name[0] != '.' &&
		validName(name, maxObjectName, func(c byte) bool { return alphanumeric(c) || strings.IndexByte("._-", c) >= 0 })
}

// CheckGroup returns an error that says why there cannot be such a group.
func CheckGroup(name string, things []string) error {
	if !ValidGroup(name) {
		return fmt.Errorf("group %q: a group's name is 1 to %d characters of a-z, 0-9 and -", name, maxGroupName)
	}
	if i := slices.IndexFunc(things, func(thing string) bool { return !ValidThing(thing) }); i >= 0 {
		return fmt.Errorf("group %s has %q, which no thing can be called", name, things[i])
	}
	return nil
}

// CheckTogether returns the first reason why no broker could have these kinds and
// groups beside each other, each of which is sound.
func CheckTogether(kinds []Kind, groups map[string][]string) error {
	compiled, err := compileKinds(kinds)
	if err != nil {
		return err
	}
	_, err = reservedNames(compiled, groups)
	return err
}

// share sets up what the broker lets things fetch.
func (b *Broker) share(c Config) error {
	b.groups = make(map[string][]string, len(c.Groups))
	for name, things := range c.Groups {
		if err := CheckGroup(name, things); err != nil {
			return err
		}
		b.groups[name] = slices.Sorted(slices.Values(things))
	}
	var err error
	if b.reserved, err = reservedNames(b.kinds, b.groups); err != nil {
		return err
	}
	if !b.offered(ModeGet) {
		return nil
	}
	if c.Downloads == nil {
		return errors.New("a kind offers mode get, but there is nothing that signs downloads")
	}
	b.downloads = c.Downloads
	b.handlers[verbDownloadRequest] = (*request).downloadRequest
	return nil
}

// reservedNames are those that no thing may have. A thing called "firmware" may
// store below firmware/, and could plant what all others fetch from there.
func reservedNames(kinds map[string]*kind, groups map[string][]string) (map[string]bool, error) {
	reserved := map[string]bool{}
	for _, k := range kinds {
		if k.shared == nil {
			continue
		}
		reserved[k.shared.segments[0].text] = true
		for _, group := range k.AllowGroups {
			if _, found := groups[group]; !found {
				return nil, fmt.Errorf("kind %s: allow_groups has %s, which is not among groups", k.Name, group)
			}
		}
		for _, other := range kinds {
			if other.Name < k.Name && other.shared != nil && other.shared.meets(k.shared) {
				return nil, fmt.Errorf("kinds %s and %s can have the same object: let their keys begin with different folders", other.Name, k.Name)
			}
		}
	}
	return reserved, nil
}

// groupsOf returns the groups by which the thing may fetch the kind's objects.
func (b *Broker) groupsOf(k *kind, thing string) []string {
	var in []string
	for _, group := range k.AllowGroups {
		if _, found := slices.BinarySearch(b.groups[group], thing); found && !slices.Contains(in, group) {
			in = append(in, group)
		}
	}
	return in
}
