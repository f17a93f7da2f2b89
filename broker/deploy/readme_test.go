// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package deploy_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// What each file that is installed is called for, in whichever document.
var notInREADME = []string{"kubernetes/kustomization.yaml", "kubernetes/namespace.yaml", "kubernetes/service.yaml", "kubernetes/statefulset.yaml",
	"kubernetes/networkpolicy.yaml", "kubernetes/poddisruptionbudget.yaml", "kubernetes/secret.example.yaml", // of `kubectl apply -k`
}

// TestTheREADMELinksToWhatIsThere, headings of its own included, and no file of
// this folder is forgotten. (Its commands are run by broker/integration.)
func TestTheREADMELinksToWhatIsThere(t *testing.T) {
	t.Parallel()
	text := read(t, "README.md")
	anchors := []string{}
	for _, m := range regexp.MustCompile(`(?m)^## (.*)$`).FindAllStringSubmatch(text, -1) {
		anchors = append(anchors, "#"+strings.ReplaceAll(regexp.MustCompile(`[^a-z0-9 -]`).ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-"))
	}
	for _, m := range regexp.MustCompile(`\]\(([^)]+)\)`).FindAllStringSubmatch(text, -1) {
		if m[1][0] == '#' {
			if !slices.Contains(anchors, m[1]) {
				t.Errorf("no heading is %s; there are %q", m[1], anchors)
			}
		} else if _, err := os.Stat(m[1]); err != nil {
			t.Error(err)
		}
	}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !strings.HasSuffix(path, ".go") && path != "README.md" &&
			!strings.Contains(text, filepath.Base(path)) && !slices.Contains(notInREADME, path) {
			t.Errorf("the README does not know %s", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
