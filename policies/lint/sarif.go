// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"strings"
)

// SARIF 2.1.0 (OASIS), as far as code scanners look: rules with help, results
// with places and fingerprints, and what is suppressed, with the reason.

type sarifLog struct {
	Schema  string     `json:"$schema"`
	Version string     `json:"version"`
	Runs    []sarifRun `json:"runs"`
}

type sarifRun struct {
	Tool       sarifTool     `json:"tool"`
	ColumnKind string        `json:"columnKind"`
	Results    []sarifResult `json:"results"`
}

type sarifTool struct {
	Driver sarifDriver `json:"driver"`
}

type sarifDriver struct {
	Name            string      `json:"name"`
	SemanticVersion string      `json:"semanticVersion,omitempty"`
	Rules           []sarifRule `json:"rules"`
}

type sarifText struct {
	Text     string `json:"text"`
	Markdown string `json:"markdown,omitempty"`
}

type sarifRule struct {
	ID      string      `json:"id"`
	Short   sarifText   `json:"shortDescription"`
	Full    sarifText   `json:"fullDescription"`
	Help    sarifText   `json:"help"`
	Default sarifConfig `json:"defaultConfiguration"`
}

type sarifConfig struct {
	Level string `json:"level"`
}

type sarifResult struct {
	RuleID       string             `json:"ruleId"`
	RuleIndex    int                `json:"ruleIndex"`
	Level        string             `json:"level"`
	Message      sarifText          `json:"message"`
	Locations    []sarifLocation    `json:"locations"`
	Fingerprints map[string]string  `json:"partialFingerprints"`
	Suppressions []sarifSuppression `json:"suppressions"`
}

type sarifLocation struct {
	Physical sarifPhysical  `json:"physicalLocation"`
	Logical  []sarifLogical `json:"logicalLocations,omitempty"`
}

type sarifPhysical struct {
	Artifact sarifArtifact `json:"artifactLocation"`
	Region   sarifRegion   `json:"region"`
}

type sarifArtifact struct {
	URI string `json:"uri"`
}

type sarifRegion struct {
	StartLine   int `json:"startLine"`
	StartColumn int `json:"startColumn"`
}

type sarifLogical struct {
	Name string `json:"name"`
	Kind string `json:"kind"`
}

type sarifSuppression struct {
	Kind          string `json:"kind"`
	Status        string `json:"status"`
	Justification string `json:"justification"`
}

const sarifSchema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

// SARIF prints the report for code scanners. The version is that of the program,
// empty if it has none.
func (r *Report) SARIF(w io.Writer, version string) error {
	run := sarifRun{ColumnKind: "unicodeCodePoints", Results: []sarifResult{}}
	run.Tool.Driver = sarifDriver{Name: "thingpass policy lint", SemanticVersion: version}
	index := map[string]int{}
	for i, rule := range Rules() {
		index[rule.ID] = i
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, rule.sarif())
	}
	seen := map[string]int{}
	for _, f := range r.Findings {
		run.Results = append(run.Results, f.sarif(index[f.Rule], seen))
	}
	return encode(w, sarifLog{Schema: sarifSchema, Version: "2.1.0", Runs: []sarifRun{run}})
}

func (r Rule) sarif() sarifRule {
	help := r.Why + " " + r.Fix
	return sarifRule{
		ID: r.ID, Short: sarifText{Text: r.Title}, Full: sarifText{Text: r.Why}, Default: sarifConfig{r.Severity.level()},
		Help: sarifText{Text: help, Markdown: fmt.Sprintf("%s\n\nBad:\n\n```json\n%s```\n\nGood:\n\n```json\n%s```\n", help, r.Bad.Text, r.Good.Text)},
	}
}

func (s Severity) level() string {
	if s == Info {
		return "note"
	}
	return s.String()
}

// sarif is a result. Of findings that are alike, the fingerprint counts them.
func (f Finding) sarif(rule int, seen map[string]int) sarifResult {
	message := f.Text
	if f.Fix != "" {
		message += "; " + f.Fix
	}
	mark := strings.Join([]string{f.Rule, filepath.ToSlash(f.File), f.Statement, f.about}, "\x00")
	sum := sha256.Sum256([]byte(mark))
	seen[mark]++
	location := sarifLocation{Physical: sarifPhysical{sarifArtifact{uri(f.File)}, sarifRegion{f.Line, f.runes}}}
	if f.Statement != "" {
		location.Logical = []sarifLogical{{Name: f.Statement, Kind: "object"}}
	}
	out := sarifResult{
		RuleID: f.Rule, RuleIndex: rule, Level: f.Severity.level(), Message: sarifText{Text: message}, Locations: []sarifLocation{location},
		Fingerprints: map[string]string{"policyLint/v1": fmt.Sprintf("%s:%d", hex.EncodeToString(sum[:16]), seen[mark])},
		Suppressions: []sarifSuppression{},
	}
	if f.Suppressed != nil {
		out.Suppressions = append(out.Suppressions, sarifSuppression{"external", "accepted", f.Suppressed.Reason + " (" + f.Suppressed.Source + ")"})
	}
	return out
}

// uri is a relative reference, or file:///… of an absolute path.
func uri(file string) string {
	u := url.URL{Path: filepath.ToSlash(file)}
	if strings.HasPrefix(u.Path, "/") {
		u.Scheme = "file"
	}
	return u.String()
}
