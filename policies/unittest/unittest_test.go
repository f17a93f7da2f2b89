// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package unittest_test

import (
	"encoding/json"
	"encoding/xml"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"thingpass/policies/unittest"
)

const frame = `policies:
  thing: {builtin: thing}
things:
  cam1: {}
identities:
  cam1: {thing: cam1, policies: [thing]}
cases:
`

func read(t *testing.T, text string) *unittest.Suite {
	t.Helper()
	s, err := unittest.Read("t.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestCasesFailForTheRightReason(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"expect: deny":                           "expected deny, got ALLOWED",
		"expect: implicit-deny":                  "expected implicit-deny, got ALLOWED",
		"expect: allow, by: Hear":                "expected statement Hear to decide, but it was Ask  thing.json:14:5",
		"expect: allow, missing: [iot:ClientId]": "expected iot:ClientId to be missing",
		"expect: allow, silent: true":            "expected silent: true",
	} {
		s := read(t, frame+"  - {as: cam1, do: publish thingpass/cam1/upload-request, "+text+"}\n")
		got := s.Run()
		if len(got) != 1 || got[0].Passed() || !strings.Contains(got[0].Wrong[0], want) {
			t.Errorf("%s: %+v", text, got)
		}
	}
	s := read(t, frame+"  - {as: cam1, do: [publish x, subscribe y], expect: allow, why: because}\n")
	got := s.Run()
	if len(got) != 2 || got[0].Wrong[0] != "expected allow, got IMPLICIT_DENY" || !strings.Contains(strings.Join(got[0].Short, "\n"), "add a statement") {
		t.Errorf("%+v", got)
	}
}

func TestWhatIsWrongWithAFile(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                 "t.yaml: the file is empty",
		"a: [":             "t.yaml: yaml: line 1",
		"- x":              "t.yaml:1:1: the file is a mapping, not a list",
		"polices: {}":      `t.yaml:1:1: the file has no "polices"; known are cases, identities, policies, things, values`,
		"policies: {}\n":   "the file has no identities; add identities:",
		frame + "  x: y\n": "t.yaml:8:3: cases is a list, not a mapping",
		frame + "  - {}\n": `t.yaml:8:5: the case has no "as"; add as:`,
		frame + "  - {as: cam2, do: connect, expect: allow}\n":                            `t.yaml:8:10: there is no identity "cam2"; known are cam1`,
		frame + "  - {as: cam1, do: conect, expect: allow}\n":                             `t.yaml:8:20: there is no operation "conect"`,
		frame + "  - {as: cam1, do: subscribe \"#\", expect: allow}\n":                    `t.yaml:8:20: the quotes are part of the name here: YAML takes them off a whole text only; write "subscribe #"`,
		frame + "  - {as: cam1, do: connect, expect: allowed}\n":                          `t.yaml:8:37: expect is "allowed"; write allow, deny`,
		frame + "  - {as: cam1, do: connect, expect: allow, by: Gone}\n":                  `t.yaml:8:48: no policy of this file has a statement "Gone"`,
		frame + "  - {as: cam1, do: connect, expect: deny, by: Ask}\n":                    "no statement makes an implicit deny; write expect: explicit-deny",
		frame + "  - {as: cam1, as: cam1, do: connect, expect: allow}\n":                  `t.yaml:8:16: a case has "as" twice, first in line 8; join the two`,
		frame + "  - {as: cam1, do: [], expect: allow}\n":                                 "t.yaml:8:20: do is an empty list",
		frame + "  - {as: cam1, do: subscribe a, expect: allow, silent: maybe}\n":         `silent is true or false, not "maybe"`,
		"policies:\n  a: {builtin: thingy}\nidentities: {}\ncases: []\n":                  `t.yaml:2:16: there is no document "thingy"`,
		"policies:\n  a: {file: none.json}\nidentities: {}\ncases: []\n":                  "t.yaml:2:13: open none.json",
		"policies: {}\nidentities:\n  x: {policies: []}\ncases: []\n":                     "t.yaml:3:3: identity x has neither a thing nor a client id",
		"policies: {}\nidentities:\n  x: {clientId: a}\ncases: []\n":                      "t.yaml:3:3: identity x has no policies",
		"policies: {}\nidentities:\n  x: {thing: a, policies: [b]}\ncases: []\n":          `t.yaml:3:14: there is no thing "a"; add it to things:`,
		"policies: {}\nthings: {a b: {}}\nidentities: {}\ncases: []\n":                    `t.yaml:2:10: "a b" is no name of a thing`,
		"policies: {}\nvalues: {bukket: a}\nidentities: {}\ncases: []\n":                  `t.yaml:2:10: there is no value "bukket"`,
		"policies: {}\nidentities:\n  x: {clientId: a, policies: [], ip: x}\ncases: []\n": `t.yaml:3:38: "x" is no address; such as 192.0.2.7`,
	} {
		s, err := unittest.Read("t.yaml", []byte(text))
		if err == nil || s != nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v\nwant %q", text, err, want)
		}
	}
}

func TestABrokenPolicyIsReportedWithItsPlace(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("p.json", "{\n  \"Verion\": \"2012-10-17\"}")
	write("t.yaml", "policies:\n  p: {file: p.json}\nidentities: {}\ncases: []\n")
	_, err := unittest.Load(filepath.Join(dir, "t.yaml"))
	if err == nil || !strings.Contains(err.Error(), `p.json:2:3: there is no "Verion" here`) {
		t.Error(err)
	}
}

func TestStatementsThatNoCaseDecides(t *testing.T) {
	t.Parallel()
	s := read(t, frame+"  - {as: cam1, do: connect, expect: allow}\n  - {as: cam1, do: subscribe thingpass/cam1/response, expect: deny}\n")
	r := unittest.Run([]*unittest.Suite{s})
	if got := strings.Join(r.Coverage.Undecided, "\n"); r.Coverage.Statements != 4 || got != "thing.json:14:5: Ask\nthing.json:26:5: Listen\nthing.json:35:5: Hear" {
		t.Errorf("%d statements, undecided:\n%s", r.Coverage.Statements, got)
	}
}

func TestReports(t *testing.T) {
	t.Parallel()
	s := read(t, frame+"  - {as: cam1, do: connect, expect: allow}\n  - {as: cam1, do: publish <x>, expect: allow, why: a & b}\n")
	r := unittest.Run([]*unittest.Suite{s})
	var text, js, junit strings.Builder
	if err := r.Print(&text); err != nil || !strings.Contains(text.String(), "t.yaml:9:5: cam1: publish <x>: allow\n    expected allow, got IMPLICIT_DENY\n    it matters: a & b\n") ||
		!strings.HasSuffix(text.String(), "1 passed, 1 failed; 1 of 4 statements are decided by a case (25 %)\n") {
		t.Error(text.String(), err)
	}
	var j struct {
		Failed int
		Cases  []struct {
			Do      string
			Passed  bool
			Explain []string
		}
	}
	if err := r.PrintJSON(&js); err != nil || json.Unmarshal([]byte(js.String()), &j) != nil || j.Failed != 1 || j.Cases[1].Do != "publish <x>" || len(j.Cases[1].Explain) == 0 {
		t.Error(js.String(), err)
	}
	var x struct {
		Failures int `xml:"failures,attr"`
		Suite    []struct {
			Case []struct {
				Name    string `xml:"name,attr"`
				Failure *struct {
					Message string `xml:"message,attr"`
				} `xml:"failure"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	if err := r.PrintJUnit(&junit); err != nil || xml.Unmarshal([]byte(junit.String()), &x) != nil || x.Failures != 1 ||
		x.Suite[0].Case[0].Failure != nil || x.Suite[0].Case[1].Failure.Message != "expected allow, got IMPLICIT_DENY" {
		t.Error(junit.String(), err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(frame + "  - {as: cam1, do: connect, expect: allow}\n"))
	f.Add([]byte("a: &a [*a]"))
	f.Add([]byte("policies: {a: {builtin: thing, file: x}}\nidentities: {x: {certificate: {organization: []}}}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := unittest.Read("fuzz.yaml", text)
		if (s == nil) == (err == nil) {
			t.Errorf("%v with error %v", s, err)
		}
		if s != nil {
			s.Run()
		}
	})
}
