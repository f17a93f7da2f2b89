// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Package templates makes the policies of an installation: it puts names, accounts
// and regions into the documents of policies/documents.
//
// A document has {{name}} where a value belongs, which neither JSON nor AWS's
// ${variables} know. Everything else stays as it is written, byte by byte.
package templates

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"thingpass/policies/documents"
)

// A Kind says what a document is, and so how large it may be.
type Kind string

// The kinds of documents.
const (
	IoT    Kind = "IoT policy"     // of a certificate or a thing group
	IAM    Kind = "IAM policy"     // of a role
	Trust  Kind = "trust policy"   // who may take a role
	Bucket Kind = "bucket policy"  // of S3
	Queue  Kind = "queue policy"   // of SQS
	Config Kind = "configuration"  // of a bucket, or of a role alias: no policy
	Fleet  Kind = "fleet template" // of fleet provisioning
)

// Largest is how many characters AWS takes of a document of this kind, white
// space not counted.
func (k Kind) Largest() int {
	switch k {
	case IoT, Trust:
		return 2048
	case IAM:
		return 6144 // of a managed policy; inline, all of a role's together have 10,240
	case Bucket, Queue:
		return 20 << 10
	}
	return 10240
}

// IsPolicy is true of what package policies reads.
func (k Kind) IsPolicy() bool { return k != Config && k != Fleet }

// A Template is a document that lacks its values.
type Template struct {
	Name string // as people and commands call it: "thing"
	File string // "thing.json"
	Kind Kind
	For  string // who has it, or what it is attached to, in a few words

	text  []byte
	needs []string
}

// Names returns the names of all documents, in the order of the table.
func Names() []string {
	names := make([]string, len(table))
	for i, t := range table {
		names[i] = t.Name
	}
	return names
}

// Find returns a document by its name, with or without ".json".
func Find(name string) (Template, error) {
	for _, t := range table {
		if t.Name != strings.TrimSuffix(name, ".json") {
			continue
		}
		t.File = t.Name + ".json"
		text, err := documents.Files.ReadFile(t.File)
		if err != nil {
			return Template{}, err
		}
		t.text, t.needs = text, placeholders(text)
		return t, nil
	}
	return Template{}, fmt.Errorf("there is no document %q: use %s", clip(path.Base(name)), strings.Join(Names(), ", "))
}

// Needs are the names of the values that the document has in it.
func (t Template) Needs() []string { return slices.Clone(t.needs) }

// Missing are those of them that v lacks and that have no default.
func (t Template) Missing(v Values) []string {
	var missing []string
	for _, name := range t.needs {
		if v.Get(name) == "" {
			missing = append(missing, name)
		}
	}
	return missing
}

// Render returns the document with its values. Errors name every value that is
// missing or wrong.
func Render(name string, v Values) ([]byte, error) {
	t, err := Find(name)
	if err != nil {
		return nil, err
	}
	return t.Render(v)
}

// Render is that of the package, for a document that was found.
func (t Template) Render(v Values) ([]byte, error) {
	if err := v.Check(); err != nil {
		return nil, err
	}
	var problems []error
	for _, name := range t.Missing(v) {
		f, err := fieldOf(name)
		if err == nil {
			err = fmt.Errorf("%s needs %s: %s", t.Name, name, f.Help)
		}
		problems = append(problems, err)
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	out := t.Expand(func(name string) string { return Printed(name, v) })
	return out, t.judge(out)
}

// Expand returns the document with what value returns for each {{name}}. Nothing
// is checked: it is for who puts something else there than a value.
func (t Template) Expand(value func(name string) string) []byte {
	return placeholder.ReplaceAllFunc(t.text, func(found []byte) []byte {
		return []byte(value(string(found[2 : len(found)-2])))
	})
}

// Printed is a value as it stands in a document.
func Printed(name string, v Values) string {
	f, err := fieldOf(name)
	if err != nil || f.print == nil {
		return v.Get(name)
	}
	return f.print(v.Get(name))
}

func (t Template) judge(out []byte) error {
	switch {
	case bytes.Contains(out, []byte("{{")):
		return fmt.Errorf("%s: a placeholder is left", t.File)
	case !json.Valid(out):
		return fmt.Errorf("%s is no JSON with these values", t.File)
	}
	if n := Size(out); n > t.Kind.Largest() {
		return fmt.Errorf("%s has %d characters with these values, AWS takes %d of a %s: make names shorter (%s)",
			t.File, n, t.Kind.Largest(), t.Kind, strings.Join(t.needs, ", "))
	}
	return nil
}

// Size counts characters as AWS does for its limits: white space is free.
func Size(text []byte) int {
	n := 0
	for _, r := range string(text) {
		if !unicode.IsSpace(r) {
			n++
		}
	}
	return n
}

var placeholder = regexp.MustCompile(`\{\{[a-z][a-z-]*\}\}`)

func placeholders(text []byte) []string {
	var names []string
	for _, found := range placeholder.FindAll(text, -1) {
		if name := string(found[2 : len(found)-2]); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}
