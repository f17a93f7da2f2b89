// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"thingpass/policies/templates"
)

// readDocument returns what a command line names: a file (it has a / or ends in
// .json), or one of our documents, rendered with the values. The name is for
// messages, and for AWS: without folder and ending.
func readDocument(arg string, values templates.Values) (name string, text []byte, err error) {
	if strings.ContainsRune(arg, filepath.Separator) || strings.HasSuffix(arg, ".json") {
		text, err = os.ReadFile(arg)
		return strings.TrimSuffix(filepath.Base(arg), ".json"), text, err
	}
	if _, err := templates.Find(arg); err != nil {
		return "", nil, fmt.Errorf("%w; a file's name ends in .json or has a /", err)
	}
	text, err = templates.Render(arg, values)
	return arg, text, err
}
