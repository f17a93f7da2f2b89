// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package lint_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"thingpass/policies/lint"
)

func example(t *testing.T) *lint.Report {
	t.Helper()
	g, err := lint.ParseIgnore("IOT008@Ä=they send these")
	if err != nil {
		t.Fatal(err)
	}
	text := "{\"Version\": \"2012-10-17\", \"Statement\": [\n" +
		`{"Sid": "Ä", "Effect": "Allow", "Action": "iot:Subscribe", "Resource": "` + arn + `topicfilter/d/+/up"},` + "\n" +
		`{"Effect": "Allow", "Action": "iot:Connect", "Resource": "*"}]}`
	return lint.Run([]lint.Input{{Name: "b dir/a.json", Text: []byte(text), Kind: lint.Thing}}, lint.Options{Ignores: []lint.Ignore{g}})
}

func TestText(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := example(t).Text(&out); err != nil {
		t.Fatal(err)
	}
	want := `b dir/a.json:2:73: warning IOT011: Ä: no iot:Receive of this document fits: the subscription succeeds, and no message ever arrives; allow iot:Receive on arn:aws:iot:eu-central-1:123456789012:topic/d/*/up
b dir/a.json:3:58: error IOT001: statement 2: any certificate with this policy may connect as any client, and throws out whoever is connected under that client id; write arn:aws:iot:eu-central-1:123456789012:client/${iot:Connection.Thing.ThingName}, with the condition IsAttached
1 document: 1 error, 1 warning, 0 info, 1 ignored with a reason
`
	if out.String() != want {
		t.Errorf("\n%s\nwant\n%s", out.String(), want)
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := example(t).JSON(&out); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Files    []string
		Findings []struct {
			File, Rule, Severity, Statement, Reason, Fix string
			Line, Column                                 int
			Suppressed                                   *struct{ Reason, Source string }
		}
	}
	d := json.NewDecoder(&out)
	d.DisallowUnknownFields()
	if err := d.Decode(&got); err != nil || len(got.Findings) != 3 {
		t.Fatalf("%v: %+v", err, got)
	}
	first := got.Findings[0]
	if first.Rule != "IOT008" || first.Severity != "warning" || first.Suppressed == nil || first.Suppressed.Reason != "they send these" || first.Suppressed.Source != "--ignore" {
		t.Errorf("%+v", first)
	}
	if last := got.Findings[2]; last.Suppressed != nil || last.Line != 3 || last.Column != 58 || last.Statement != "statement 2" || last.Fix == "" {
		t.Errorf("%+v", last)
	}
}

// sarif is what the test reads of SARIF 2.1.0.
type sarif struct {
	Schema  string `json:"$schema"`
	Version string
	Runs    []struct {
		ColumnKind string
		Tool       struct {
			Driver struct {
				Name, SemanticVersion string
				Rules                 []struct {
					ID                                      string
					ShortDescription, FullDescription, Help struct{ Text, Markdown string }
					DefaultConfiguration                    struct{ Level string }
				}
			}
		}
		Results []struct {
			RuleID, Level string
			RuleIndex     int
			Message       struct{ Text string }
			Locations     []struct {
				PhysicalLocation struct {
					ArtifactLocation struct{ URI string }
					Region           struct{ StartLine, StartColumn int }
				}
				LogicalLocations []struct{ Name, Kind string }
			}
			PartialFingerprints map[string]string
			Suppressions        []struct{ Kind, Status, Justification string }
		}
	}
}

func TestSARIF(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := example(t).SARIF(&out, "1.2.3"); err != nil {
		t.Fatal(err)
	}
	var got sarif
	d := json.NewDecoder(&out)
	d.DisallowUnknownFields()
	if err := d.Decode(&got); err != nil || got.Version != "2.1.0" || len(got.Runs) != 1 || !strings.HasSuffix(got.Schema, "sarif-schema-2.1.0.json") {
		t.Fatalf("%v: %+v", err, got)
	}
	run := got.Runs[0]
	if len(run.Tool.Driver.Rules) != len(lint.Rules()) || len(run.Results) != 3 || run.ColumnKind != "unicodeCodePoints" || run.Tool.Driver.SemanticVersion != "1.2.3" {
		t.Fatalf("%d rules, %d results", len(run.Tool.Driver.Rules), len(run.Results))
	}
	for _, r := range run.Tool.Driver.Rules {
		if r.ShortDescription.Text == "" || r.FullDescription.Text == "" || r.Help.Text == "" || !strings.Contains(r.Help.Markdown, "```json") || r.DefaultConfiguration.Level == "" {
			t.Errorf("%+v", r)
		}
	}
	prints := map[string]bool{}
	for i, r := range run.Results {
		at := r.Locations[0].PhysicalLocation
		if run.Tool.Driver.Rules[r.RuleIndex].ID != r.RuleID || at.ArtifactLocation.URI != "b%20dir/a.json" || r.Message.Text == "" {
			t.Errorf("%+v", r)
		}
		if want := [][2]int{{2, 72}, {2, 72}, {3, 58}}[i]; at.Region.StartLine != want[0] || at.Region.StartColumn != want[1] {
			t.Errorf("%s at %+v, want %v: columns are characters", r.RuleID, at.Region, want)
		}
		if suppressed := len(r.Suppressions) == 1; suppressed != (r.RuleID == "IOT008") || suppressed && r.Suppressions[0].Justification != "they send these (--ignore)" {
			t.Errorf("%+v", r.Suppressions)
		}
		prints[r.PartialFingerprints["policyLint/v1"]] = true
	}
	if len(prints) != 3 || prints[""] {
		t.Errorf("fingerprints: %v", prints)
	}
}

// A finding keeps its fingerprint when lines are added above it.
func TestFingerprintsOutliveOtherChanges(t *testing.T) {
	t.Parallel()
	print := func(text string) string {
		var out bytes.Buffer
		var got sarif
		r := lint.Run([]lint.Input{{Name: "a.json", Text: []byte(text)}}, lint.Options{})
		if err := r.SARIF(&out, ""); err != nil || json.Unmarshal(out.Bytes(), &got) != nil || len(got.Runs[0].Results) != 1 {
			t.Fatalf("%v\n%s", err, out.String())
		}
		return got.Runs[0].Results[0].PartialFingerprints["policyLint/v1"]
	}
	text := doc(allow("iot:Publish", "topic/d/*"))
	if a, b := print(text), print("\n\n"+text); a != b {
		t.Errorf("%s, %s", a, b)
	}
}

func TestExplanations(t *testing.T) {
	t.Parallel()
	for _, r := range lint.Rules() {
		var out bytes.Buffer
		if err := r.Explain(&out); err != nil || !strings.Contains(out.String(), r.ID+" ("+r.Severity.String()+"): "+r.Title) || strings.Count(out.String(), "\n{") != 2 ||
			!strings.Contains(out.String(), r.ID+": ") {
			t.Errorf("%v\n%s", err, out.String())
		}
	}
	if _, err := lint.FindRule("IOT099"); err == nil || !strings.Contains(err.Error(), "IOT001, IOT002") {
		t.Errorf("%v", err)
	}
}

// The table of the README is that of the rules.
func TestTheREADMEHasTheRules(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), lint.Table()) {
		t.Errorf("policies/README.md, section Lint, needs this table:\n%s", lint.Table())
	}
}
