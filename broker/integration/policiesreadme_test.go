// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"thingpass/policies/templates"
)

// An operator is somebody at a desk with policies/README.md: a folder, the AWS
// CLI, and an account that is a fakeAWS.
type operator struct {
	t   *testing.T
	dir string
	aws *fakeAWS
	env []string // besides what the AWS CLI needs
}

func newOperator(t *testing.T) *operator {
	t.Helper()
	for _, tool := range []string{"aws", "jq", "openssl"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatal(err)
			}
			t.Skipf("%s is not there: .ci/setup test installs it", tool)
		}
	}
	program(t, "thingpass")
	program(t, "thingpass-dev")
	o := &operator{t: t, dir: t.TempDir(), aws: newFakeAWS(t)}
	real, _ := exec.LookPath("aws")
	shim := "#!/bin/sh\nexec " + real + " --endpoint-url " + o.aws.URL + " \"$@\"\n" // the CLI's SQS does not look at AWS_ENDPOINT_URL
	if err := errors.Join(os.Mkdir(filepath.Join(o.dir, "tools"), 0o700),
		os.Symlink(filepath.Join(repository, "policies"), filepath.Join(o.dir, "policies"))); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(o.dir, "tools", "aws"), []byte(shim), 0o700); err != nil {
		t.Fatal(err)
	}
	return o
}

// run runs a block as written.
func (o *operator) run(block string) string {
	o.t.Helper()
	shell := exec.CommandContext(o.t.Context(), "bash", "-euo", "pipefail", "-c", block)
	shell.Dir = o.dir
	shell.Env = []string{"PATH=" + filepath.Join(o.dir, "tools") + ":" + programs + ":" + os.Getenv("PATH"), "HOME=" + o.dir, "AWS_ENDPOINT_URL=" + o.aws.URL,
		"AWS_ACCESS_KEY_ID=AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY=secret", "AWS_REGION=eu-central-1", "AWS_DEFAULT_REGION=eu-central-1",
		"AWS_EC2_METADATA_DISABLED=true", "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null", "AWS_PAGER=", "AWS_MAX_ATTEMPTS=1"}
	shell.Env = append(shell.Env, o.env...)
	out, err := shell.CombinedOutput()
	if err != nil {
		o.t.Fatalf("%v:\n%s\n%s", err, block, out)
	}
	return string(out)
}

func (o *operator) rendered(name string) string {
	o.t.Helper()
	text, err := os.ReadFile(filepath.Join(o.dir, "rendered", name+".json"))
	if err != nil {
		o.t.Fatal(err)
	}
	return string(text)
}

// policiesReadme is the document's text, and its values.
func policiesReadme(t *testing.T) (path, values string) {
	t.Helper()
	path = filepath.Join(repository, "policies", "README.md")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile("(?s)```yaml\n(account.*?)```").FindAllSubmatch(text, -1)
	if len(found) != 1 {
		t.Fatalf("%d blocks of values", len(found))
	}
	return path, string(found[0][1])
}

// TestThePoliciesREADMELeadsFromNothingToAFleet runs every command of the
// document with the AWS CLI, in order, and looks at what arrived.
func TestThePoliciesREADMELeadsFromNothingToAFleet(t *testing.T) {
	needsMosquitto(t)
	t.Parallel()
	o := newOperator(t)
	path, values := policiesReadme(t)
	if err := os.WriteFile(filepath.Join(o.dir, "values.yaml"), []byte(values), 0o600); err != nil {
		t.Fatal(err)
	}
	printed := ""
	for _, block := range shellBlocks(t, path) {
		printed += o.run(block)
	}
	for _, want := range []string{"denied, and why", "no difference", "cam7: {groups: [things]}"} {
		if !strings.Contains(printed, want) {
			t.Errorf("%q was not printed:\n%s", want, printed)
		}
	}
	o.judgeThings(printed)
	o.judgeRoles()
	o.judgeBucket()
	o.judgeFiles()
}

func (o *operator) judgeThings(printed string) {
	o.t.Helper()
	for _, name := range []string{"thing", "broker", "broker-commands", "observer", "claim", "thing-credentials"} {
		var compact bytes.Buffer
		if err := json.Compact(&compact, []byte(o.rendered(name))); err != nil {
			o.t.Fatal(err)
		}
		if document, _ := o.aws.iot.Document("thingpass-" + name); document != compact.String() {
			o.t.Errorf("AWS IoT has of thingpass-%s\n%s", name, document)
		}
	}
	for _, want := range []string{"example-data-ats.iot.", "example-credentialprovider.iot.", "cam1"} {
		if !strings.Contains(printed, want) {
			o.t.Errorf("%q was not printed:\n%s", want, printed)
		}
	}
	template := o.aws.got(o.t, "iot provisioning-templates")
	if field(o.t, template, "templateBody") != o.rendered("fleet-template") || field(o.t, template, "enabled") != "true" ||
		field(o.t, template, "provisioningRoleArn") != "arn:aws:iam::123456789012:role/thingpass-provisioning" {
		o.t.Errorf("the fleet template: %s", template)
	}
	alias := o.aws.got(o.t, "iot role-aliases thingpass-things")
	if field(o.t, alias, "roleArn") != "arn:aws:iam::123456789012:role/thingpass-credentials" {
		o.t.Errorf("the role alias: %s", alias)
	}
	for _, name := range []string{"broker.crt", "claim.crt", "cam1.crt"} {
		text, err := os.ReadFile(filepath.Join(o.dir, name))
		if err != nil || !strings.HasPrefix(string(text), "-----BEGIN CERTIFICATE-----") {
			o.t.Errorf("%s: %v", name, err)
		}
	}
}

// judgeFiles compares the ACL file with the one that lies here.
func (o *operator) judgeFiles() {
	o.t.Helper()
	made, err := os.ReadFile(filepath.Join(o.dir, "mosquitto.acl"))
	ours, failed := os.ReadFile(filepath.Join(repository, "policies", "mosquitto.acl"))
	if err != nil || failed != nil || !bytes.Equal(made, ours) {
		o.t.Errorf("%v, %v: mosquitto.acl is made as\n%s", err, failed, made)
	}
}

func (o *operator) judgeRoles() {
	o.t.Helper()
	for what, name := range map[string]string{
		"CreateRole thingpass-presign":                         "presign-role-trust",
		"UpdateAssumeRolePolicy thingpass-presign":             "presign-role-trust-ec2",
		"PutRolePolicy thingpass-presign presign-role":         "presign-role",
		"PutRolePolicy thingpass-presign broker":               "broker",
		"PutRolePolicy thingpass-presign broker-commands":      "broker-commands",
		"PutRolePolicy thingpass-presign presign-sessions":     "presign-sessions",
		"PutRolePolicy thingpass-presign presign-events":       "presign-events",
		"PutRolePolicy thingpass-presign presign-console":      "presign-console",
		"CreateRole thingpass-provisioning":                    "provisioning-role-trust",
		"CreateRole thingpass-credentials":                     "credentials-role-trust",
		"PutRolePolicy thingpass-credentials credentials-role": "credentials-role",
		"CreateRole thingpass-things":                          "session-role-trust",
		"PutRolePolicy thingpass-things session-role":          "session-role",
	} {
		if document := o.aws.got(o.t, "iam "+what); document != o.rendered(name) {
			o.t.Errorf("%s sent\n%s", what, document)
		}
	}
	if got := o.aws.got(o.t, "iam AttachRolePolicy thingpass-provisioning"); !strings.HasSuffix(got, "/AWSIoTThingsRegistration") {
		o.t.Error(got)
	}
}

func (o *operator) judgeBucket() {
	o.t.Helper()
	if document := o.aws.got(o.t, "s3 PUT /my-photos?policy"); document != o.rendered("bucket-policy") {
		o.t.Errorf("the bucket's policy:\n%s", document)
	}
	for what, want := range map[string]string{
		"PUT /my-photos":                   "<LocationConstraint>eu-central-1</LocationConstraint>",
		"PUT /my-photos?publicAccessBlock": "<RestrictPublicBuckets>true</RestrictPublicBuckets>",
		"PUT /my-photos?lifecycle":         "<DaysAfterInitiation>2</DaysAfterInitiation>",
		"PUT /my-photos?cors":              "<AllowedOrigin>https://photos.example.com</AllowedOrigin>",
		"PUT /my-photos?notification":      ":thingpass-events</Queue>",
	} {
		if got := o.aws.got(o.t, "s3 "+what); !strings.Contains(got, want) {
			o.t.Errorf("%s: %s", what, got)
		}
	}
	attributes := o.aws.got(o.t, "sqs SetQueueAttributes")
	if !strings.Contains(attributes, `aws:SourceAccount`) || !strings.Contains(attributes, "thingpass-events") {
		o.t.Errorf("the queue: %s", attributes)
	}
}

// TestThePoliciesREADMEHasEveryDocument: in its table, and in its commands but
// for what is said there.
func TestThePoliciesREADMEHasEveryDocument(t *testing.T) {
	t.Parallel()
	path, _ := policiesReadme(t)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	commands := strings.Join(shellBlocks(t, path), "\n")
	elsewhere := map[string]string{"broker-watch": "Mosquitto with an ACL file", "lifecycle-expiry": "needs `--expire-keys`", "lambda-role": "lambda.cfn.yaml", "lambda-role-trust": "lambda.cfn.yaml"}
	for _, name := range templates.Names() {
		if !strings.Contains(string(text), "(documents/"+name+".json)") {
			t.Errorf("%s is not in the table", name)
		}
		used := regexp.MustCompile(`(rendered/|apply [a-z -]*\b|render )` + name + `\b`).MatchString(commands)
		if !used && (elsewhere[name] == "" || !strings.Contains(string(text), elsewhere[name])) {
			t.Errorf("no command brings %s anywhere", name)
		}
	}
	for _, m := range regexp.MustCompile(`\]\(([^)]+)\)`).FindAllStringSubmatch(string(text), -1) {
		if _, err := os.Stat(filepath.Join(filepath.Dir(path), m[1])); err != nil {
			t.Error(err)
		}
	}
}

// TestThePoliciesREADMENamesRealTests: a promise whose test was renamed is none.
func TestThePoliciesREADMENamesRealTests(t *testing.T) {
	t.Parallel()
	path, _ := policiesReadme(t)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("`(Test[A-Za-z]+)`").FindAllStringSubmatch(string(text), -1)
	if len(named) < 9 {
		t.Fatalf("%d tests are named", len(named))
	}
	sources, err := exec.Command("grep", "-rhoE", "--include=*_test.go", `^func Test[A-Za-z]+`, filepath.Join(repository, "policies"), filepath.Join(repository, "broker")).Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range named {
		if !strings.Contains(string(sources), "func "+m[1]+"\n") {
			t.Errorf("there is no test %s", m[1])
		}
	}
}
