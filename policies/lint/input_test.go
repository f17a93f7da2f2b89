// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package lint_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"thingpass/policies"
	"thingpass/policies/contract"
	"thingpass/policies/isolate"
	"thingpass/policies/lint"
	"thingpass/policies/templates"
)

// Bad input is a finding with place, reason and fix; other files are still judged.
func TestBadInput(t *testing.T) {
	t.Parallel()
	whole := doc(allow("iot:Publish", "topic/d/"+T))
	for _, c := range []struct{ what, text, rule, place, reason string }{
		{"unknown key", strings.Replace(whole, `"Effect"`, `"Efect"`, 1), "PARSE", "2:2", `there is no "Efect"`},
		{"unknown key at the top", strings.Replace(whole, `"Version"`, `"version"`, 1), "PARSE", "1:2", `there is no "version"`},
		{"wrong version", strings.Replace(whole, "2012-10-17", "2012-10-18", 1), "PARSE", "1:13", `AWS knows no policy version "2012-10-18"`},
		{"older version", strings.Replace(whole, "2012-10-17", "2008-10-17", 1), "IOT017", "1:13", "plain text"},
		{"comment", "// who may\n" + whole, "JSON", "1:1", "no comments"},
		{"comment inside", strings.Replace(whole, "\n", "\n/* x */\n", 1), "JSON", "2:1", "no comments"},
		{"doubled field", strings.Replace(whole, `"Effect": "Allow"`, `"Effect": "Allow", "Effect": "Deny"`, 1), "JSON", "2:21", "second time, first at 2:2"},
		{"byte order mark", "\ufeff" + whole, "JSON", "1:1", "byte order mark"},
		{"a megabyte", whole + strings.Repeat(" ", 1<<20), "JSON", "1:1", "AWS takes no policy of more than"},
		{"deep nesting", strings.Repeat("[", 10_000), "JSON", "1:13", "nested deeper"},
		{"cut off", whole[:len(whole)-1], "JSON", "3:2", "ends too early"},
		{"not UTF-8", strings.Replace(whole, "topic/d", "topic/\xff", 1), "JSON", "2:106", "not UTF-8"},
		{"empty", "", "JSON", "1:1", "ends too early"},
		{"a list", "[]", "PARSE", "1:1", "not a list"},
		{"something else", `{"a": 1}`, "PARSE", "1:2", `there is no "a"`},
		{"variable not closed", doc(allow("iot:Publish", "topic/d/${iot:ClientId")), "IOT016", "2:61", "is not closed"},
		{"variable within a variable", doc(allow("iot:Publish", "topic/d/${iot:${a}}")), "IOT016", "2:61", "another variable"},
		{"variable without a name", doc(allow("iot:Publish", "topic/d/${}/"+T)), "IOT016", "2:61", "has no name"},
		{"certificates by wildcard", doc(allow("iot:Publish", `topic/`+T+` | {"StringEquals": {"iot:Certificate.Subject.CommonName": "cam*"}}`)), "IOT016", "2:212", "for characters"},
		{"a certificate's variable and a wildcard", doc(allow("iot:Publish", "topic/${iot:Certificate.Subject.CommonName}*")), "IOT013", "2:61", "names begin alike"},
	} {
		r := lint.Run([]lint.Input{{Name: "bad.json", Text: []byte(c.text)}, {Name: "next.json", Text: []byte(doc(allow("iot:Connect", "client/*")))}}, lint.Options{})
		found := false
		for _, f := range r.Findings {
			found = found || f.File == "bad.json" && f.Rule == c.rule && f.Severity >= lint.Warning && fmt.Sprintf("%d:%d", f.Line, f.Column) == c.place &&
				strings.Contains(f.Text, c.reason) && f.Fix != ""
		}
		if !found || !has(r, "IOT001") {
			t.Errorf("%s: want %s at %s: %q, got %v", c.what, c.rule, c.place, c.reason, r.Findings)
		}
	}
}

func TestKindsAreToldByContent(t *testing.T) {
	t.Parallel()
	values := ourValues(t)
	want := map[string]string{ // a rule that only this kind has, in a document that is ours but for one thing
		"thing": "IOT003", "claim": "IOT033", "broker": "IOT031", "credentials-role": "IAM002", "presign-role": "IAM003",
		"provisioning-role-trust": "IAM001", "bucket-policy": "S3001", "cors": "S3002", "lifecycle": "S3003", "role-alias": "IAM004", "public-access-block": "S3001",
	}
	change := map[string][2]string{
		"thing": {`"Bool": { "iot:Connection.Thing.IsAttached": "true" },`, ""}, "claim": {"topic/$aws/certificates/create-from-csr/json\"", "topic/x\""},
		"broker": {"topic/thingpass/*/response", "topic/*"}, "credentials-role": {"${credentials-iot:ThingName}/*", "${credentials-iot:ThingName}*"},
		"presign-role": {"s3:PutObject", "s3:DeleteObject"}, "provisioning-role-trust": {"aws:SourceArn", "aws:PrincipalArn"},
		"bucket-policy": {`"false"`, `"true"`}, "cors": {`"PUT", "POST"`, `"DELETE"`}, "lifecycle": {"Enabled", "Disabled"}, "role-alias": {"3600", "7200"},
		"public-access-block": {`"BlockPublicPolicy": true`, `"BlockPublicPolicy": false`},
	}
	for name, rule := range want {
		text, err := templates.Render(name, values)
		if err != nil {
			t.Fatal(err)
		}
		changed := strings.ReplaceAll(string(text), change[name][0], change[name][1])
		if name == "cors" {
			changed = strings.ReplaceAll(changed, `"ETag"`, `"x"`)
		}
		if changed == string(text) {
			t.Fatalf("%s: nothing was changed", name)
		}
		if r := lint.Run([]lint.Input{{Name: name + ".json", Text: []byte(changed)}}, lint.Options{}); !has(r, rule) {
			t.Errorf("%s: no %s, so it was taken for something else: %v", name, rule, r.Findings)
		}
	}
}

func ourValues(t testing.TB) templates.Values {
	t.Helper()
	return templates.Values{Account: "123456789012", Region: "eu-central-1", Bucket: "photos", Origin: "https://photos.example.com", ExpireKeys: "cam"}
}

// ours are our own documents and what belongs to them.
func ours(t testing.TB, values templates.Values) ([]lint.Input, lint.Options) {
	t.Helper()
	names := lint.Ours(values)
	found := lint.Collect(names, values)
	c, err := contract.Ours(values)
	if err != nil || len(names) != len(templates.Names()) || len(found.Ignores) == 0 {
		t.Fatalf("%v, %q, %d ignores", err, names, len(found.Ignores))
	}
	at := lint.Options{Root: values.Get("root"), Contract: c, Ignores: found.Ignores, Problems: found.Problems, Now: time.Now()}
	at.Place.Account, at.Place.Region, at.Place.Partition = values.Account, values.Region, values.Get("partition")
	return found.Inputs, at
}

func TestOurOwnDocumentsAreClean(t *testing.T) {
	t.Parallel()
	inputs, opt := ours(t, ourValues(t))
	for _, f := range lint.Run(inputs, opt).Findings {
		if f.Suppressed == nil {
			t.Error(f)
		}
	}
	// each by itself, too
	for _, name := range templates.Names() {
		found := lint.Collect([]string{name}, ourValues(t))
		opt.Ignores = found.Ignores
		for _, f := range lint.Run(found.Inputs, opt).Findings {
			if f.Suppressed == nil {
				t.Errorf("%s alone: %v", name, f)
			}
		}
	}
}

// Taking any action or resource away from the policies that the contract speaks of
// is found: the contract has a use for each.
func TestGapsInOurOwnAreFound(t *testing.T) {
	t.Parallel()
	values := ourValues(t)
	_, opt := ours(t, values)
	opt.Ignores = nil
	for name, without := range map[string][]string{
		"thing":    {"/upload-request", "/upload-complete", "/download-request", "/credentials-request", "/command-result", "topic/thingpass/" + T + "/response", "topic/thingpass/" + T + "/command\"", "topicfilter/thingpass/"},
		"broker":   {"topic/thingpass/*/upload-request", "topicfilter/$share/thingpass-check", "topic/thingpass/*/response", "topic/thingpass/*/uploaded", "client/thingpass-broker-*"},
		"observer": {"topic/thingpass/*/uploaded", "topicfilter/thingpass"},
		"claim":    {"topic/$aws/certificates/create-from-csr/json\"", "topicfilter/$aws/certificates/create-from-csr/json/rejected"},
	} {
		text, err := templates.Render(name, values)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range without {
			changed := strings.Replace(string(text), part, strings.Replace(part, "/", "/other-", 1), 1)
			if changed == string(text) {
				t.Fatalf("%s has no %s", name, part)
			}
			if r := lint.Run([]lint.Input{{Name: name + ".json", Text: []byte(changed)}}, opt); !has(r, "IOT030") {
				t.Errorf("%s without %s: %v", name, part, r.Findings)
			}
		}
	}
}

// The number to reach is 100 ms for both, with rendering and parsing. On 2 cores of
// an AMD EPYC lint takes 11 ms for all documents, isolate 30 ms for the three of
// things.
func BenchmarkLintAndIsolateOurOwn(b *testing.B) {
	values := ourValues(b)
	claim := isolate.Ours(must(contract.Ours(values))(b))
	at := policies.Place{Partition: "aws", Region: values.Region, Account: values.Account}
	b.Run("lint", func(b *testing.B) {
		for b.Loop() {
			inputs, opt := ours(b, values)
			if r := lint.Run(inputs, opt); r.Worst() != 0 {
				b.Fatal(r.Findings)
			}
		}
	})
	b.Run("isolate", func(b *testing.B) {
		for b.Loop() {
			var docs []*policies.Document
			for _, name := range []string{"thing", "thing-credentials", "credentials-role"} {
				docs = append(docs, must(policies.Parse(name, must(templates.Render(name, values))(b)))(b))
			}
			if p := isolate.Documents(claim, docs, at, values.Bucket); len(p.Leaks) > 0 {
				b.Fatal(p.Leaks)
			}
		}
	})
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func FuzzLintNeverPanics(f *testing.F) {
	for _, r := range lint.Rules() {
		f.Add(r.Bad.Text)
		f.Add(r.Good.Text)
	}
	values := ourValues(f)
	_, opt := ours(f, values)
	opt.Keys = &lint.Keys{Bucket: "photos", Kinds: []lint.KeyKind{{Name: "photo", Layout: "{thing}/{kind}/{id}.{ext}", Put: true}}}
	f.Fuzz(func(t *testing.T, text string) {
		for _, kind := range []lint.Kind{"", lint.Thing, lint.Credentials, lint.Lifecycle} {
			r := lint.Run([]lint.Input{{Name: "a.json", Text: []byte(text), Kind: kind}}, opt)
			lines := strings.Split(text, "\n")
			for _, found := range r.Findings {
				if found.File == "a.json" && (found.Line < 1 || found.Line > len(lines) || found.Column < 1 || found.Column > len(lines[found.Line-1])+1 || found.Text == "") {
					t.Errorf("%+v", found)
				}
			}
			var out bytes.Buffer
			if err := r.SARIF(&out, ""); err != nil || !json.Valid(out.Bytes()) {
				t.Error(err)
			}
		}
	})
}

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
