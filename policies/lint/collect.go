// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"thingpass/policies"
	"thingpass/policies/documents"
	"thingpass/policies/templates"
)

// IgnoreFile has the ignores of a folder's documents. Beside thing.json there may
// also be thing.lint.yaml.
const IgnoreFile = ".policylint.yaml"

// A Collection is what a command line names.
type Collection struct {
	Inputs   []Input
	Ignores  []Ignore
	Problems policies.Problems // of files of ignores
}

// Ours are the names of all documents that these values can render.
func Ours(values templates.Values) []string {
	var names []string
	for _, name := range templates.Names() {
		if d, err := templates.Find(name); err == nil && len(d.Missing(values)) == 0 {
			names = append(names, name)
		}
	}
	return names
}

// Collect reads documents: files, folders with all their *.json, and ours by
// name, rendered with the values. What cannot be read becomes an input with a
// Problem, so that the others are still judged.
func Collect(names []string, values templates.Values) Collection {
	c := collector{values: values, seen: map[string]bool{}}
	for _, name := range names {
		c.add(name)
	}
	c.beside()
	return c.Collection
}

type collector struct {
	Collection
	values  templates.Values
	seen    map[string]bool // folders and files whose ignores have been read
	builtin bool
	folders []string // of files
}

func (c *collector) add(name string) {
	info, err := os.Stat(name)
	t, unknown := templates.Find(name)
	switch {
	case !strings.ContainsAny(name, `/\.`) && unknown == nil:
		c.ours(t)
	case err != nil && !strings.ContainsAny(name, `/\.`):
		c.fail(name, fmt.Errorf("there is neither a file nor a document of ours called %q: use %s", clip(name), strings.Join(templates.Names(), ", ")))
	case err != nil:
		c.fail(name, err)
	case info.IsDir():
		c.folder(name)
	default:
		c.file(name)
	}
}

func (c *collector) fail(name string, err error) {
	c.Inputs = append(c.Inputs, Input{Name: name, Problem: err})
}

func (c *collector) ours(t templates.Template) {
	text, err := t.Render(c.values)
	if err != nil {
		c.fail(t.File, err)
		return
	}
	c.Inputs = append(c.Inputs, Input{Name: t.File, Text: text, Kind: kindOf(t)})
	if !c.builtin {
		c.builtin = true
		text, err := documents.Files.ReadFile(IgnoreFile)
		c.ignores(IgnoreFile, text, err, func(file string) string { return file })
	}
}

const bucketFile = "bucket-policy.json"

// beside adds bucket policies where roles are judged without them: what those
// deny, roles need not. They are ours, and those that lie in the roles' folder.
func (c *collector) beside() {
	judged := map[string]bool{}
	for _, in := range c.Inputs {
		judged[in.Name] = true
	}
	if c.builtin && !judged[bucketFile] {
		if text, err := templates.Render("bucket-policy", c.values); err == nil {
			c.Inputs = append(c.Inputs, Input{Name: bucketFile, Text: text, Kind: Bucket, Beside: true})
		}
	}
	for _, dir := range c.folders {
		file := filepath.Join(dir, bucketFile)
		if text, err := os.ReadFile(file); err == nil && !judged[file] && template(file, text) == nil {
			c.Inputs = append(c.Inputs, Input{Name: file, Text: text, Kind: Bucket, Beside: true})
			judged[file] = true
		}
	}
}

func kindOf(t templates.Template) Kind {
	switch {
	case strings.HasPrefix(t.Name, "broker") || t.Name == "observer":
		return Broker
	case t.Name == "claim":
		return Claim
	case t.Name == "credentials-role":
		return Credentials
	}
	return map[templates.Kind]Kind{templates.IoT: Thing, templates.IAM: Role, templates.Trust: Trust, templates.Bucket: Bucket,
		templates.Queue: Queue, templates.Fleet: Fleet}[t.Kind]
}

func (c *collector) folder(dir string) {
	files, err := filepath.Glob(filepath.Join(escapeGlob(dir), "*.json"))
	if err == nil && len(files) == 0 {
		err = errors.New("there is no *.json in this folder")
	}
	if err != nil {
		c.fail(dir, err)
		return
	}
	for _, file := range files {
		c.file(file)
	}
}

func escapeGlob(dir string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(dir)
}

func (c *collector) file(name string) {
	text, err := os.ReadFile(name)
	if err != nil {
		c.fail(name, err)
		return
	}
	c.Inputs = append(c.Inputs, Input{Name: name, Text: text, Problem: template(name, text), Kind: added(name)})
	dir := filepath.Dir(name)
	c.folders = append(c.folders, dir)
	c.readIgnores(filepath.Join(dir, IgnoreFile), func(file string) string {
		if file == "" {
			return ""
		}
		return filepath.Join(dir, file)
	})
	c.readIgnores(strings.TrimSuffix(name, ".json")+".lint.yaml", func(string) string { return name })
}

// added tells the kind of a document of ours that only adds to the brokers' and
// so does not say who connects: its name does. For all others the content tells.
func added(name string) Kind {
	t, err := templates.Find(strings.TrimSuffix(filepath.Base(name), ".json"))
	if err != nil || !strings.HasPrefix(t.Name, "broker-") {
		return ""
	}
	return kindOf(t)
}

var placeholder = regexp.MustCompile(`\{\{[a-z][a-z-]*\}\}`)

// template says so of a document whose values are missing: its findings would be
// about them.
func template(name string, text []byte) error {
	found := placeholder.FindIndex(text)
	if found == nil {
		return nil
	}
	before := text[:found[0]]
	at := policies.Position{Line: 1 + bytes.Count(before, []byte("\n")), Column: found[0] - bytes.LastIndexByte(before, '\n')}
	return policies.Problems{{File: name, Pos: at, Text: fmt.Sprintf("this is a template, %s has no value", text[found[0]:found[1]]),
		Fix: "render it first; of ours, give the name: thingpass policy lint thing"}}
}

func (c *collector) readIgnores(file string, document func(string) string) {
	if c.seen[file] {
		return
	}
	c.seen[file] = true
	text, err := os.ReadFile(file)
	if !errors.Is(err, fs.ErrNotExist) {
		c.ignores(file, text, err, document)
	}
}

func (c *collector) ignores(file string, text []byte, err error, document func(string) string) {
	var found []Ignore
	if err == nil {
		found, err = ReadIgnores(file, text, document)
	}
	var problems policies.Problems
	switch {
	case errors.As(err, &problems):
		c.Problems = append(c.Problems, problems...)
	case err != nil:
		c.Problems = append(c.Problems, policies.Problem{File: file, Text: err.Error()})
	}
	c.Ignores = append(c.Ignores, found...)
}
