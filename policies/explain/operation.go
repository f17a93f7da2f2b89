// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"thingpass/policies"
)

// What a client asks for. Any other verb is an action of IAM or of AWS IoT, such
// as "s3:PutObject".
const (
	Connect   = "connect"
	Publish   = "publish"
	Retain    = "retain" // publish with RETAIN
	Subscribe = "subscribe"
	Receive   = "receive"
	Assume    = "assume" // a role alias, at the credential provider
)

// An Operation is one thing that a client asks for.
type Operation struct {
	Verb string
	Name string // topic, filter, role alias or key; of connect, nothing
}

func (o Operation) String() string { return strings.TrimSpace(o.Verb + " " + o.Name) }

// Action is what the policies call it.
func (o Operation) Action() string {
	switch o.Verb {
	case Connect:
		return "iot:Connect"
	case Publish:
		return "iot:Publish"
	case Retain:
		return "iot:RetainPublish"
	case Subscribe:
		return "iot:Subscribe"
	case Receive:
		return "iot:Receive"
	case Assume:
		return "iot:AssumeRoleWithCertificate"
	}
	return o.Verb
}

// IAM is true of actions that roles and buckets decide on.
func (o Operation) IAM() bool {
	action := o.Action()
	return len(action) < 4 || !strings.EqualFold(action[:4], "iot:")
}

// Parse reads operations as they stand on a command line: "connect", or a verb
// and its name, one after the other.
func Parse(words []string) ([]Operation, error) {
	var out []Operation
	for len(words) > 0 {
		verb := words[0]
		words = words[1:]
		if verb == Connect {
			out = append(out, Operation{Verb: verb})
			continue
		}
		if err := checkVerb(verb); err != nil {
			return nil, err
		}
		if len(words) == 0 {
			return nil, fmt.Errorf("%s needs %s behind it", verb, nameOf(verb))
		}
		if words[0] == "" {
			return nil, fmt.Errorf("%s has an empty name: give it %s", verb, nameOf(verb))
		}
		out = append(out, Operation{verb, words[0]})
		words = words[1:]
	}
	return out, nil
}

func checkVerb(verb string) error {
	switch verb {
	case Publish, Retain, Subscribe, Receive, Assume:
		return nil
	}
	service, action, found := strings.Cut(verb, ":")
	switch {
	case !found || service == "" || action == "" || strings.ContainsAny(verb, " /*"):
		return fmt.Errorf("there is no operation %q: use connect, publish, retain, subscribe, receive, assume, or an action such as s3:PutObject", verb)
	case strings.EqualFold(service, "iot") && policies.ResourceKind(verb) == "":
		return fmt.Errorf("AWS IoT's policies have no action %q", verb)
	}
	return nil
}

func nameOf(verb string) string {
	switch verb {
	case Publish, Retain, Receive:
		return "a topic"
	case Subscribe:
		return "a topic filter"
	case Assume:
		return "a role alias"
	}
	return "a resource: a key of the bucket, or an ARN"
}

// ReadAll reads operations from a file, one a line. Empty lines, and lines that
// begin with #, are not read. Errors name the line.
func ReadAll(name string, in io.Reader) ([]Operation, error) {
	var out []Operation
	var problems []error
	lines := bufio.NewScanner(in)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		verb, rest, _ := strings.Cut(line, " ")
		words := []string{verb}
		if rest = strings.TrimSpace(rest); rest != "" {
			words = append(words, rest) // topics may have spaces
		}
		if verb == Connect && rest != "" {
			problems = append(problems, fmt.Errorf("%s:%d: connect takes no name: the client id is that of --client-id", name, n))
			continue
		}
		ops, err := Parse(words)
		if err != nil {
			problems = append(problems, fmt.Errorf("%s:%d: %w", name, n, err))
		}
		out = append(out, ops...)
	}
	if err := lines.Err(); err != nil {
		problems = append(problems, fmt.Errorf("%s: %w", name, err))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return out, nil
}
