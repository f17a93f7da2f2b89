// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package templates_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"thingpass/policies"
	"thingpass/policies/documents"
	"thingpass/policies/templates"
)

// usual are the values of an installation, with nothing left out.
func usual() templates.Values {
	return templates.Values{Account: "123456789012", Region: "eu-central-1", Bucket: "photos", Origin: "https://photos.example.com", ExpireKeys: "cam"}
}

// longest are the values with which documents grow as large as they can.
func longest() templates.Values {
	long := func(n int) string { return strings.Repeat("x", n) }
	return templates.Values{Account: "123456789012", Region: "us-gov-west-1", Bucket: long(63), Root: long(24), Group: long(24),
		Broker: long(40), Observer: long(40), Claim: long(40), Template: long(36), ThingGroup: long(128), RoleAlias: long(128),
		PresignRole: long(64), SessionRole: long(64), CredentialsRole: long(64), Origin: "https://" + long(200) + ".example",
		SignatureAge: "168h", LeftoverDays: "36500", ExpireDays: "36500", ExpireKeys: long(128), LogGroup: long(512),
		FailedQueue: long(80), EventsQueue: long(80)}
}

func TestEveryDocumentIsInTheTable(t *testing.T) {
	t.Parallel()
	files, err := fs.Glob(documents.Files, "*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("%v, %v", files, err)
	}
	names := templates.Names()
	for _, file := range files {
		if !slices.Contains(names, strings.TrimSuffix(file, ".json")) {
			t.Errorf("%s is not in the table", file)
		}
	}
	if len(files) != len(names) {
		t.Errorf("%d files, %d in the table: %q", len(files), len(names), names)
	}
}

// TestDocumentsAreWhatTheirKindSays: each is valid with usual and with the
// longest values, is no larger than AWS takes, and is read by our parser where it
// is a policy.
func TestDocumentsAreWhatTheirKindSays(t *testing.T) {
	t.Parallel()
	for _, name := range templates.Names() {
		for values, v := range map[string]templates.Values{"usual": usual(), "longest": longest()} {
			text, err := templates.Render(name, v)
			if err != nil {
				t.Errorf("%s, %s: %v", name, values, err)
				continue
			}
			d, _ := templates.Find(name)
			if n := templates.Size(text); n > d.Kind.Largest() {
				t.Errorf("%s, %s: %d characters, AWS takes %d", name, values, n, d.Kind.Largest())
			}
			if !d.Kind.IsPolicy() {
				continue
			}
			doc, err := policies.Parse(d.File, text)
			if err != nil {
				t.Errorf("%s, %s: %v", name, values, err)
				continue
			}
			for i := range doc.Statements {
				if doc.Statements[i].Sid.Value == "" {
					t.Errorf("%s: statement %d has no Sid: nobody can name it", name, i+1)
				}
			}
		}
	}
}

func TestRenderingPutsValuesAndChangesNothingElse(t *testing.T) {
	t.Parallel()
	for _, name := range templates.Names() {
		d, err := templates.Find(name)
		if err != nil {
			t.Fatal(err)
		}
		want, err := documents.Files.ReadFile(d.File)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range templates.Fields() {
			value := usual().Get(f.Name)
			if f.Name == "signature-age" {
				value = "3600000"
			}
			want = bytes.ReplaceAll(want, []byte("{{"+f.Name+"}}"), []byte(value))
		}
		if got, err := d.Render(usual()); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %v\n%s\nwant\n%s", name, err, got, want)
		}
	}
}

// TestVariablesOfAWSStay: {{…}} and ${…} are different things.
func TestVariablesOfAWSStay(t *testing.T) {
	t.Parallel()
	for name, variable := range map[string]string{"thing": "${iot:Connection.Thing.ThingName}", "credentials-role": "${credentials-iot:ThingName}"} {
		if text, err := templates.Render(name, usual()); err != nil || !bytes.Contains(text, []byte(variable)) {
			t.Errorf("%s: %v\n%s", name, err, text)
		}
	}
}

func TestDefaultsFollowTheBroker(t *testing.T) {
	t.Parallel()
	text, err := templates.Render("broker", templates.Values{Account: "123456789012", Region: "cn-north-1"})
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{
		"arn:aws-cn:iot:cn-north-1:123456789012:client/thingpass-broker\"",
		"arn:aws-cn:iot:cn-north-1:123456789012:topicfilter/$share/thingpass/thingpass/+/upload-request\"",
	} {
		if !bytes.Contains(text, []byte(part)) {
			t.Errorf("%s is missing in\n%s", part, text)
		}
	}
}

// everywhere is what no value may be.
var everywhere = []string{"", " ", `x"`, `x\`, "x\n", "x\r", "x\x00", "*", "x*", "x?", "${x}", "x$", "{{root}}", "x{", "x}", "<x>", "x y", "ä", "\u2028", strings.Repeat("x", 600)}

// wrongValues are more of each.
var wrongValues = map[string][]string{
	"account":       {"12345678901", "1234567890123", "12345678901a", "１２３４５６７８９０１２", "1234-5678-9012"},
	"partition":     {"AWS", "gcp", "aws-", "aws:"},
	"region":        {"eu-central", "EU-CENTRAL-1", "eu_central_1", "eu-central-1a", "eu-*-1", "frankfurt"},
	"bucket":        {"ab", "Photos", "-photos", "photos-", "pho..tos", "10.0.0.1", "photos/cam1", "xn--photos", "photos-s3alias", strings.Repeat("x", 64)},
	"root":          {"/thingpass", "thingpass/", "a//b", "#", "+", "a/+/b", "a/b/c/d/e/f/g", strings.Repeat("x", 25)},
	"group":         {"a/b", "+", "#", strings.Repeat("x", 25)},
	"broker":        {"a/b", "+", "#", strings.Repeat("x", 41)},
	"observer":      {"a/b"},
	"claim":         {"a/b"},
	"template":      {"a/b", "a.b", strings.Repeat("x", 37)},
	"thing-group":   {"a/b", "a.b"},
	"role-alias":    {"a/b", "a:b"},
	"presign-role":  {"/a", "a/", "a//b", "role:x", "arn:aws:iam::123456789012:role/x"},
	"session-role":  {"/a"},
	"signature-age": {"1", "0s", "-1h", "169h", "1.5s", "1h30", "h"},
	"leftover-days": {"0", "-1", "1.5", "01", "+1", "99999"},
	"expire-days":   {"0"},
	"expire-keys":   {"/", "/cam", "cam*"},
	"origin":        {"http://a.example", "https://a.example/", "https://", "https://*", "a.example", "https://a.example,https://b.example"},
	"events-queue":  {"a/b", "a.fifo"},
	"log-group":     {"a b", "a:b"},
	"failed-queue":  {"a/b"},
}

// TestWrongValuesAreRefused: nothing gets into a document that could widen it,
// and every message names the value and says what it should be.
func TestWrongValuesAreRefused(t *testing.T) {
	t.Parallel()
	for _, f := range templates.Fields() {
		for _, value := range append(slices.Clone(everywhere), wrongValues[f.Name]...) {
			var v templates.Values
			err := v.Set(f.Name, value)
			if err == nil || !strings.HasPrefix(err.Error(), f.Name+" ") || len(err.Error()) > 300 {
				t.Errorf("%s %q: %v", f.Name, value, err)
			}
			if v != (templates.Values{}) {
				t.Errorf("%s %q: it is set all the same", f.Name, value)
			}
		}
		var v templates.Values
		if err := v.Set(f.Name, f.Default); f.Default != "" && err != nil {
			t.Errorf("its own default: %v", err)
		}
	}
}

// TestRenderSaysAllThatIsMissing, and takes no value past its check.
func TestRenderSaysAllThatIsMissing(t *testing.T) {
	t.Parallel()
	_, err := templates.Render("presign-role-trust", templates.Values{})
	if err == nil || !strings.Contains(err.Error(), "needs region") || !strings.Contains(err.Error(), "needs account") {
		t.Errorf("%v", err)
	}
	if _, err := templates.Render("cors", templates.Values{}); err == nil || !strings.Contains(err.Error(), "needs origin: the web page") {
		t.Errorf("%v", err)
	}
	v := usual()
	v.Bucket, v.Root = `x/*","arn:aws:s3:::y`, "a*"
	if text, err := templates.Render("presign-role", v); err == nil || text != nil || !strings.Contains(err.Error(), "bucket ") || !strings.Contains(err.Error(), "root ") {
		t.Errorf("%v\n%s", err, text)
	}
	v = usual()
	v.Partition = "aws-cn"
	if _, err := templates.Render("presign-role", v); err == nil || !strings.Contains(err.Error(), "region eu-central-1 is in aws") {
		t.Errorf("%v", err)
	}
}

func TestUnknownNamesAreRefused(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "things", "../templates/table.go", "thing.json.json", "/etc/passwd"} {
		if _, err := templates.Render(name, usual()); err == nil || !strings.Contains(err.Error(), "use thing, broker") {
			t.Errorf("%q: %v", name, err)
		}
	}
	if _, err := templates.Render("thing.json", usual()); err != nil {
		t.Error(err)
	}
	_, err := templates.FromMap(map[string]string{"bukket": "x", "account": "1", "root": "ok"})
	if err == nil || !strings.Contains(err.Error(), `no value "bukket"`) || !strings.Contains(err.Error(), "account \"1\"") {
		t.Errorf("%v", err)
	}
}

func FuzzValuesNeverWidenADocument(f *testing.F) {
	for _, seed := range []string{"photos", `x"`, "x/*", "${x}", "a.b", "ä"} {
		f.Add(seed)
	}
	want, err := templates.Render("presign-role", usual())
	if err != nil {
		f.Fatal(err)
	}
	shape := strings.Count(string(want), `"`)
	f.Fuzz(func(t *testing.T, value string) {
		v := usual()
		v.Bucket = value
		text, err := templates.Render("presign-role", v)
		if err != nil || value == "" {
			return
		}
		if !json.Valid(text) || strings.Count(string(text), `"`) != shape || strings.ContainsAny(value, "*?$") {
			t.Errorf("%q got into\n%s", value, text)
		}
	})
}
