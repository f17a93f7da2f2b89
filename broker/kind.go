// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package broker

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// DefaultKeyLayout is the layout of keys where a kind has none of its own
// [P-3.1].
const DefaultKeyLayout = "{thing}/{kind}/{yyyy}/{mm}/{dd}/{id}.{ext}"

// The bounds of what a kind may be given; S3's own, for one PUT and one URL.
const (
	MaxObjectSize = 5 << 30 // bytes
	MinTTL        = time.Second
	MaxTTL        = 7 * 24 * time.Hour
	DefaultTTL    = 15 * time.Minute

	// DefaultPassTTL is all that is certain: S3 has been seen to refuse a form an
	// hour after its x-amz-date, whatever its policy's expiration, and versitygw
	// does. MaxPassTTL is as long as a session of AWS's can be.
	MaxPassTTL     = 12 * time.Hour
	DefaultPassTTL = time.Hour

	maxKindName = 32
)

// A Kind is a class of objects and the rules for them.
type Kind struct {
	Name     string        // [a-z0-9-]{1,32}
	Modes    []string      // how its objects may be asked for; only ModePut if empty
	Key      string        // layout, DefaultKeyLayout if empty; "{thing}/{kind}/" … "{id}" …
	Types    []ContentType // at least one; the first is the default
	MinSize  int64         // bytes, 1 if zero
	MaxSize  int64         // bytes, required, at most MaxObjectSize; MaxMultipartSize if it offers ModeMultipart only
	TTL      time.Duration // of a grant, DefaultTTL if zero
	PassTTL  time.Duration // of a pass, DefaultPassTTL if zero
	PartSize int64         // of ModeMultipart, DefaultPartSize if zero
	Metadata []string      // names that may be given; nil allows every valid name
	Limits   Limits        // its own; requests are counted among all of the thing's as well, bytes are not

	// Object is the layout of objects that many things may fetch, such as
	// "firmware/{group}/{name}.bin". A kind that has one offers ModeGet alone,
	// and only to the things that are named here; otherwise ModeGet gives a
	// thing its own objects.
	Object      string
	AllowThings []string // names, or "*" for every thing
	AllowGroups []string // of Config.Groups
}

// The modes that a kind can offer [P-3.6].
const (
	ModePut       = "put"
	ModePass      = "pass"
	ModeMultipart = "multipart"
	ModeGet       = "get"
)

var knownModes = []string{ModePut, ModePass, ModeMultipart, ModeGet}

// Check returns every reason why no broker could have this kind, joined.
func (k Kind) Check() error {
	_, err := compileKind(k)
	return err
}

// kind is a Kind that was checked, with its layouts parsed.
type kind struct {
	Kind
	layout layout
	shared *sharedLayout // nil: a thing fetches its own objects only
}

func compileKinds(list []Kind) (map[string]*kind, error) {
	if len(list) == 0 {
		return nil, errors.New("no kinds: a broker without a kind could grant nothing")
	}
	kinds := make(map[string]*kind, len(list))
	for _, k := range list {
		if kinds[k.Name] != nil {
			return nil, fmt.Errorf("kind %s is there twice", k.Name)
		}
		compiled, err := compileKind(k)
		if err != nil {
			return nil, fmt.Errorf("kind %s: %w", k.Name, err)
		}
		kinds[k.Name] = compiled
	}
	return kinds, nil
}

func compileKind(k Kind) (*kind, error) {
	if !validKind(k.Name) {
		return nil, errors.New("a kind's name is 1 to 32 characters of a-z, 0-9 and -")
	}
	if k.Key == "" {
		k.Key = DefaultKeyLayout
	}
	if k.MinSize == 0 {
		k.MinSize = 1
	}
	if k.TTL == 0 {
		k.TTL = DefaultTTL
	}
	if k.PassTTL == 0 {
		k.PassTTL = DefaultPassTTL
	}
	if len(k.Modes) == 0 {
		k.Modes = []string{ModePut}
	}
	if k.PartSize == 0 {
		k.PartSize = DefaultPartSize
	}
	l, err := parseLayout(k.Key)
	if err != nil {
		return nil, fmt.Errorf("key %q %w", k.Key, err)
	}
	shared, err := parseShared(k)
	if err != nil {
		return nil, err
	}
	k.Types, k.Metadata, k.Modes = slices.Clone(k.Types), slices.Clone(k.Metadata), slices.Clone(k.Modes)
	k.AllowThings, k.AllowGroups = slices.Clone(k.AllowThings), slices.Clone(k.AllowGroups)
	return &kind{Kind: k, layout: l, shared: shared},
		errors.Join(checkModes(k), checkBounds(k), checkTypes(k), checkMetadataNames(k), checkLength(k, l), checkAllowed(k), k.Limits.Check())
}

func checkModes(k Kind) error {
	for i, mode := range k.Modes {
		if !slices.Contains(knownModes, mode) {
			return fmt.Errorf("mode %q: known are %q", mode, knownModes)
		}
		if slices.Contains(k.Modes[:i], mode) {
			return fmt.Errorf("mode %s is there twice", mode)
		}
	}
	return nil
}

// offers returns a refusal if the kind is not offered in the mode [P-3.6].
func (k *kind) offers(mode string) error {
	if !slices.Contains(k.Modes, mode) {
		return refuse(CodeModeNotAllowed, "kind %s is not offered in mode %q", k.Name, printable(mode, 40))
	}
	return nil
}

func checkBounds(k Kind) error {
	switch {
	case k.MinSize < 0 || k.MaxSize < 0:
		return errors.New("sizes cannot be negative")
	case k.MaxSize == 0 && k.Object == "":
		return errors.New("max_size is missing: a grant must have a bound")
	case k.MaxSize > MaxObjectSize && !onlyMultipart(k):
		return fmt.Errorf("max_size is %d, one PUT stores at most %d", k.MaxSize, int64(MaxObjectSize))
	case k.MaxSize > MaxMultipartSize:
		return fmt.Errorf("max_size is %d, S3 stores at most %d", k.MaxSize, int64(MaxMultipartSize))
	case k.PartSize < MinPartSize || k.PartSize > MaxPartSize:
		return fmt.Errorf("part_size is %d, S3 allows %d to %d", k.PartSize, int64(MinPartSize), int64(MaxPartSize))
	case k.MinSize > k.MaxSize && k.Object == "":
		return fmt.Errorf("min_size %d is above max_size %d", k.MinSize, k.MaxSize)
	case k.TTL < MinTTL || k.TTL > MaxTTL:
		return fmt.Errorf("ttl is %v, S3 allows %v to %v", k.TTL, MinTTL, MaxTTL)
	case k.PassTTL < MinTTL || k.PassTTL > MaxPassTTL:
		return fmt.Errorf("pass_ttl is %v, want %v to %v", k.PassTTL, MinTTL, MaxPassTTL)
	}
	return nil
}

// onlyMultipart tells whether objects of the kind may be larger than one PUT.
func onlyMultipart(k Kind) bool { return len(k.Modes) == 1 && k.Modes[0] == ModeMultipart }

func checkTypes(k Kind) error {
	if len(k.Types) == 0 && k.Object == "" {
		return errors.New("types is empty: name at least one content type")
	}
	for i, t := range k.Types {
		if _, err := ParseContentType(t.Name + "=" + t.Ext); err != nil {
			return err
		}
		if slices.ContainsFunc(k.Types[:i], func(o ContentType) bool { return o.Name == t.Name }) {
			return fmt.Errorf("content type %q is there twice", t.Name)
		}
	}
	return nil
}

func checkMetadataNames(k Kind) error {
	for _, name := range k.Metadata {
		if !validMetadataName(name) || name == metadataCapturedAt {
			return fmt.Errorf("metadata name %q: 1 to 32 characters of a-z, 0-9 and -, and not %s", name, metadataCapturedAt)
		}
	}
	return nil
}

// checkLength sees to it that no valid request can make a key that S3 refuses.
func checkLength(k Kind, l layout) error {
	for _, t := range k.Types {
		longest := len(l.key(strings.Repeat("t", maxThingName), k.Name, strings.Repeat("i", maxID), t.Ext, time.Unix(0, 0)))
		if longest > maxKey {
			return fmt.Errorf("key %q can have %d bytes, S3 allows %d", k.Key, longest, maxKey)
		}
	}
	return nil
}

func validKind(name string) bool {
	return validName(name, maxKindName, func(c byte) bool { return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' })
}

// contentType returns the type that was asked for, or the kind's first.
func (k *kind) contentType(name string) (ContentType, error) {
	if name == "" {
		return k.Types[0], nil
	}
	for _, t := range k.Types {
		if t.Name == name {
			return t, nil
		}
	}
	return ContentType{}, refuse(CodeTypeNotAllowed, "kind %s does not take contentType %q", k.Name, printable(name, 80))
}

// made tells whether the key is one that this kind has for the thing, whatever
// its id and type.
func (k *kind) made(key, thing string) bool {
	return slices.ContainsFunc(k.Types, func(t ContentType) bool {
		_, err := k.layout.parse(key, thing, k.Name, t.Ext)
		return err == nil
	})
}
