// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"thingpass/policies/documents"
	"thingpass/policies/lint"
	"thingpass/policies/templates"
)

// policyRenderCommand is `thingpass policy render`.
func policyRenderCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "render [NAME...]",
		Short: "Make the policies of an installation from account, region, bucket and names",
		Long: `Make the policies of an installation: put account, region, bucket and names into
our documents. One document goes to standard output; more, or with --out, go into
a folder, which is made if there is none. Without NAME, all of them do, but those
for which a value is missing that has no default.

Values come from flags or a file. Each has its rules, and none takes a character
that means something in a policy. --list shows all documents and what they need.`,
		Example: `  thingpass policy render thing --account 123456789012 --region eu-central-1
  thingpass policy render --values values.yaml --out rendered
  thingpass policy render thing --why
  thingpass policy render --list`,
	}
	read := addValueFlags(c)
	out := c.Flags().String("out", "", "the `DIR` that files go into")
	list := c.Flags().Bool("list", false, "show the documents, and the values that each needs")
	asJSON := addJSONFlag(c, "with --list: print a JSON array")
	why := c.Flags().Bool("why", false, "say of each statement of NAME what needs it, instead")
	c.RunE = func(c *cobra.Command, names []string) error {
		switch {
		case *list:
			return listTemplates(c.OutOrStdout(), *asJSON)
		case *asJSON:
			return unstartable(errors.New("policy render --json: give --list as well; a document is JSON anyway"))
		}
		values, err := read()
		if err != nil {
			return unstartable(err)
		}
		return (renderer{values, c.OutOrStdout()}).run(names, *out, *why)
	}
	return c
}

// listedTemplate is what --list tells of a document.
type listedTemplate struct {
	Name  string         `json:"name"`
	File  string         `json:"file"`
	Kind  templates.Kind `json:"kind"`
	For   string         `json:"for"`
	Needs []string       `json:"needs"`
}

func listTemplates(to io.Writer, asJSON bool) error {
	var all []listedTemplate
	for _, name := range templates.Names() {
		d, err := templates.Find(name)
		if err != nil {
			return err
		}
		all = append(all, listedTemplate{d.Name, d.File, d.Kind, d.For, append([]string{}, d.Needs()...)})
	}
	if asJSON {
		return writeJSON(to, all)
	}
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tIS A\tFOR\tNEEDS")
	for _, d := range all {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", d.Name, d.Kind, d.For, strings.Join(d.Needs, ", "))
	}
	return w.Flush()
}

// A renderer makes documents with the same values.
type renderer struct {
	values templates.Values
	to     io.Writer
}

func (r renderer) run(names []string, out string, why bool) error {
	switch {
	case why && (len(names) != 1 || out != ""):
		return unstartable(errors.New("policy render --why: give one NAME"))
	case why:
		return explainTemplate(r.to, names[0], r.values)
	case len(names) == 1 && out == "":
		return r.print(names[0])
	case out == "":
		return unstartable(errors.New("policy render: give one NAME, or --out DIR for many files; --list shows the names"))
	case len(names) == 0:
		return r.all(filepath.Clean(out))
	}
	return r.some(filepath.Clean(out), names)
}

func (r renderer) print(name string) error {
	if err := r.complete([]string{name}); err != nil {
		return err
	}
	text, err := templates.Render(name, r.values)
	if err == nil {
		_, err = r.to.Write(text)
	}
	return err
}

// all leaves out what lacks a value, and says so; but not if that is one that
// every installation has.
func (r renderer) all(dir string) error {
	var names, skipped []string
	for _, name := range templates.Names() {
		d, err := templates.Find(name)
		if err != nil {
			return err
		}
		switch missing := d.Missing(r.values); {
		case len(missing) == 1 && (missing[0] == "origin" || missing[0] == "expire-keys"):
			skipped = append(skipped, fmt.Sprintf("left out %s: it needs --%s", d.File, missing[0]))
		default:
			names = append(names, name)
		}
	}
	if err := r.some(dir, names); err != nil {
		return err
	}
	for _, line := range skipped {
		if _, err := fmt.Fprintln(r.to, line); err != nil {
			return err
		}
	}
	return nil
}

// some makes every document before it writes one, so that what is wrong leaves a
// folder as it was.
func (r renderer) some(dir string, names []string) error {
	if err := r.complete(names); err != nil {
		return err
	}
	files := make([]templates.Template, len(names))
	texts := make([][]byte, len(names))
	for i, name := range names {
		var err error
		if files[i], err = templates.Find(name); err != nil {
			return err
		}
		if texts[i], err = files[i].Render(r.values); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return failed(err)
	}
	w := tabwriter.NewWriter(r.to, 0, 0, 2, ' ', 0)
	for i, f := range files {
		path := filepath.Join(dir, f.File)
		if err := replaceFile(path, texts[i]); err != nil {
			return failed(err)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", path, f.Kind, f.For)
	}
	if err := keepIgnores(dir); err != nil {
		return failed(err)
	}
	return w.Flush()
}

// keepIgnores puts beside the documents why `policy lint` is to pass what it finds
// in them, unless the folder has such a file already.
func keepIgnores(dir string) error {
	path := filepath.Join(dir, lint.IgnoreFile)
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	text, err := documents.Files.ReadFile(lint.IgnoreFile)
	if err != nil {
		return err
	}
	return replaceFile(path, text)
}

// complete tells of each value that is missing once, however many documents need
// it.
func (r renderer) complete(names []string) error {
	missing := map[string]bool{}
	for _, name := range names {
		d, err := templates.Find(name)
		if err != nil {
			return unstartable(err)
		}
		for _, value := range d.Missing(r.values) {
			missing[value] = true
		}
	}
	var wanted []string
	for _, f := range templates.Fields() {
		if missing[f.Name] {
			wanted = append(wanted, fmt.Sprintf("--%s (%s)", f.Name, f.Help))
		}
	}
	if len(wanted) > 0 {
		return unstartable(fmt.Errorf("policy render needs %s", strings.Join(wanted, ", ")))
	}
	return nil
}

// replaceFile leaves either the old file or the new one, whenever it dies.
func replaceFile(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".thingpass-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // if it is still there
	_, err = f.Write(text)
	if err = errors.Join(err, f.Chmod(0o644), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
