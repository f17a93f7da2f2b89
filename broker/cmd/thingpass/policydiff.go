// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"thingpass/broker/cmd/thingpass/terminal"
	"thingpass/policies"
	"thingpass/policies/diff"
	"thingpass/policies/registry"
	"thingpass/policies/templates"
)

func policyDiffCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "diff OLD NEW",
		Short: "Say who gains and who loses which topics, filters and keys",
		Long: `Say what a change of policies changes: who gains and who loses which topics,
filters and keys, with an example and the statement that does it. Documents are
compared by what they mean, for every topic at once: what is reformatted, renamed,
split or merged makes no difference, and "no difference" is a proof.

OLD and NEW are both documents (files, or names of ours), both folders of
documents, or both registries (YAML). A stands for a thing of any name, B for
another. The exit code is 1 if there is what --fail-on names, 0 otherwise.`,
		Example: `  thingpass policy diff thing new-thing.json
  thingpass policy diff --fail-on widening --format markdown old/ new/
  thingpass policy diff registry.yaml registry.new.yaml`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return fmt.Errorf("policy diff compares two: OLD and NEW, but was given %q", args)
			}
			return nil
		},
	}
	o := diffOptions{values: addValueFlags(c)}
	addFormatFlag(c, &o.format, "text", formatMarkdown, formatJSON) // Markdown is for a pull request
	c.Flags().StringVar(&o.failOn, "fail-on", "", "exit with 1 on: widening, narrowing, or any")
	c.RunE = o.run
	return c
}

type diffOptions struct {
	values         func() (templates.Values, error)
	format, failOn string
}

func (o *diffOptions) run(c *cobra.Command, args []string) error {
	v, err := o.values()
	if err == nil {
		err = oneOf("--fail-on", o.failOn, "", "widening", "narrowing", "any")
	}
	if err != nil {
		return unstartable(err)
	}
	bar := terminal.Start(c.ErrOrStderr(), "compare", 0)
	r, err := policyDiff(args[0], args[1], v)
	bar.End()
	if err != nil {
		return err
	}
	switch o.format {
	case formatMarkdown:
		err = r.PrintMarkdown(c.OutOrStdout())
	case formatJSON:
		err = r.PrintJSON(c.OutOrStdout())
	default:
		err = r.Print(c.OutOrStdout())
	}
	if err == nil && (o.failOn == "any" && len(r.Changes) > 0 || o.failOn != "" && r.Has(diff.Effect(o.failOn))) {
		err = errReported
	}
	return err
}

func oneOf(flag, value string, allowed ...string) error {
	if slices.Contains(allowed, value) {
		return nil
	}
	return fmt.Errorf("%s %q: want %s", flag, value, strings.Trim(strings.Join(allowed, ", "), ", "))
}

func policyDiff(before, after string, v templates.Values) (diff.Result, error) {
	switch b, a := kindOf(before), kindOf(after); {
	case b != a:
		return diff.Result{}, unstartable(fmt.Errorf("%s is %s and %s is %s: compare two of the same kind", before, b, after, a))
	case b == aRegistry:
		return registryDiff(before, after)
	case b == aFolder:
		return folderDiff(before, after, v)
	}
	docs, err := policyDocuments([]string{before, after}, v)
	if err != nil {
		return diff.Result{}, err
	}
	pair := diff.Pair{Name: after, Old: docs[0], New: docs[1]}
	return diff.Documents([]diff.Pair{pair}, placeOf(v, docs), bucketOf(v, docs)), nil
}

// What an argument of diff may be.
const (
	aRegistry = "a registry"
	aFolder   = "a folder"
	aDocument = "a document"
)

func kindOf(path string) string {
	if ext := filepath.Ext(path); ext == ".yaml" || ext == ".yml" {
		return aRegistry
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() && (strings.ContainsAny(path, `/\.`) || !isOurs(path)) {
		return aFolder
	}
	return aDocument
}

func isOurs(name string) bool {
	_, err := templates.Find(name)
	return err == nil
}

func registryDiff(before, after string) (diff.Result, error) {
	b, err := registry.Load(before)
	if err != nil {
		return diff.Result{}, unstartable(err)
	}
	a, err := registry.Load(after)
	if err != nil {
		return diff.Result{}, unstartable(err)
	}
	subjects, limits := diff.Registries(b, a)
	r := diff.Compare(subjects)
	r.Limits = append(r.Limits, limits...)
	if b.Place != a.Place {
		r.Limits = append(r.Limits, "account, region or partition differ: both are looked at in those of "+after)
	}
	return r, nil
}

func folderDiff(before, after string, v templates.Values) (diff.Result, error) {
	b, skipped, err := documentsIn(before)
	if err != nil {
		return diff.Result{}, unstartable(err)
	}
	a, more, err := documentsIn(after)
	if err != nil {
		return diff.Result{}, unstartable(err)
	}
	var docs []*policies.Document
	for _, folder := range []map[string]*policies.Document{a, b} {
		for _, d := range folder {
			docs = append(docs, d)
		}
	}
	if len(docs) == 0 {
		return diff.Result{}, unstartable(fmt.Errorf("there are no policies in %s and %s: want *.json", before, after))
	}
	r := diff.Documents(diff.Pairs(b, a), placeOf(v, docs), bucketOf(v, docs))
	for _, name := range append(skipped, more...) {
		r.Limit("%s is no policy", name)
	}
	return r, nil
}

// documentsIn reads the *.json of a folder. What has no statement is no policy,
// and is named instead: CORS rules and the like.
func documentsIn(dir string) (map[string]*policies.Document, []string, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return nil, nil, err
	}
	docs := map[string]*policies.Document{}
	var skipped []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, nil, err
		}
		d, err := policies.Parse(file, text)
		switch {
		case err == nil:
			docs[filepath.Base(file)] = d
		case bytes.Contains(text, []byte(`"Statement"`)) && !bytes.Contains(text, []byte(`"Resources"`)):
			return nil, nil, err
		default:
			skipped = append(skipped, filepath.Base(file))
		}
	}
	return docs, skipped, nil
}
