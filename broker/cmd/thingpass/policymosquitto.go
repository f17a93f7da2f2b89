// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"thingpass/policies"
	"thingpass/policies/mosquitto"
	"thingpass/policies/registry"
	"thingpass/policies/templates"
)

func policyMosquittoCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "mosquitto",
		Short: "Compile the policies to an ACL file for Mosquitto",
		Long: `Compile the policies to an ACL file for Mosquitto, which never lets a message
through that AWS IoT Core would refuse.

An ACL file cannot do all that a policy can: it has no right to connect, to
subscribe or to retain, no conditions, and no wildcard within a level. --report
tells for each statement whether the file is exact, stricter, or cannot enforce
it. --strict ends with 1 unless each statement that cannot be enforced is accepted
with a reason. For what AWS does to the letter there is the plugin.

Without --registry it is all things with the policy thing, the broker and the
observer. With one it is who the registry names: services by their common names,
things that differ from the others by theirs.`,
		Example: `  thingpass policy mosquitto --out mosquitto.acl
  thingpass policy mosquitto --report --strict --accept Connect="one CA, names given once" --accept "Listen=read lines withhold" --accept "Join=brokers are ours"
  thingpass policy mosquitto --registry registry.yaml --out mosquitto.acl`,
		Args: cobra.NoArgs,
	}
	read := addValueFlags(c)
	o := &aclOptions{}
	c.Flags().StringVar(&o.registry, "registry", "", "a registry `FILE`")
	c.Flags().StringArrayVar(&o.things, "things", []string{"thing"}, "what all things have: a document's name or a `FILE.json`; may be repeated")
	c.Flags().StringArrayVar(&o.services, "service", nil, "`NAME=DOCUMENT,...`, a certificate's common name and what it has; may be repeated (default broker, with broker-commands and broker-watch, and observer)")
	c.Flags().IntVar(&o.levels, "levels", 3, "the most levels of a topic where * stands for some of them, up to AWS's 8")
	c.Flags().StringVar(&o.out, "out", "", "write to a `FILE`")
	c.Flags().BoolVar(&o.report, "report", false, "print how true the file is to each statement, instead of the file")
	c.Flags().BoolVar(&o.json, "json", false, "print that report as JSON")
	c.Flags().BoolVar(&o.strict, "strict", false, "end with 1 if a statement cannot be enforced and is not accepted")
	c.Flags().StringArrayVar(&o.accept, "accept", nil, "`SID=REASON` of a statement that need not be enforced; may be repeated")
	c.RunE = func(c *cobra.Command, _ []string) error {
		values, err := read()
		if err != nil {
			return unstartable(err)
		}
		input, err := o.input(values)
		if err != nil {
			return unstartable(err)
		}
		return o.write(c, mosquitto.Compile(input))
	}
	return c
}

type aclOptions struct {
	registry, out    string
	things, services []string
	levels           int
	report, json     bool
	strict           bool
	accept           []string
}

func (o *aclOptions) input(values templates.Values) (mosquitto.Input, error) {
	if o.levels < 1 || o.levels > 8 {
		return mosquitto.Input{}, fmt.Errorf("--levels %d: from 1 to 8", o.levels)
	}
	if o.registry != "" {
		r, err := registry.Load(o.registry)
		if err != nil {
			return mosquitto.Input{}, err
		}
		in := aclOfRegistry(r)
		in.Levels = o.levels
		return in, nil
	}
	values = anyPlace(values)
	in := mosquitto.Input{Levels: o.levels, Place: policies.Place{
		Partition: values.Get("partition"), Region: values.Get("region"), Account: values.Get("account"),
	}}
	var err error
	if in.Things, err = parseAll(o.things, values); err != nil {
		return in, err
	}
	services := o.services
	if len(services) == 0 {
		services = []string{values.Get("broker") + "=broker,broker-commands,broker-watch", values.Get("observer") + "=observer"}
	}
	for _, s := range services {
		name, source, found := strings.Cut(s, "=")
		if !found || !policies.IsThingName(name) { // it becomes a line of the file
			return in, fmt.Errorf("--service %q: write NAME=DOCUMENT, or NAME=DOCUMENT,DOCUMENT; a name has letters, digits, and :_-", s)
		}
		docs, err := parseAll(strings.Split(source, ","), values)
		if err != nil {
			return in, err
		}
		in.Services = append(in.Services, mosquitto.Service{Name: name, Policies: docs})
	}
	return in, nil
}

// anyPlace fills in an account and a region, which a local server does not have.
func anyPlace(v templates.Values) templates.Values {
	if v.Account == "" {
		v.Account = "123456789012"
	}
	if v.Region == "" {
		v.Region = "eu-central-1"
	}
	return v
}

func parseAll(sources []string, values templates.Values) ([]*policies.Document, error) {
	var out []*policies.Document
	for _, source := range sources {
		name, text, err := readDocument(source, values)
		if err != nil {
			return nil, err
		}
		doc, err := policies.Parse(name, text)
		if err != nil {
			return nil, err
		}
		out = append(out, doc)
	}
	return out, nil
}

// aclOfRegistry gives lines of their own to services, and to things that have
// other policies than those that jitp admits. Where nobody is admitted, all have
// their own.
func aclOfRegistry(r *registry.Registry) mosquitto.Input {
	in := mosquitto.Input{Place: r.Place}
	usual := r.AdmissionPolicies()
	in.Things = documentsOf(r, usual)
	for _, c := range r.Certificates() {
		if c.CommonName != "" && c.Status == registry.Active && len(c.Things) == 0 {
			in.Services = append(in.Services, mosquitto.Service{Name: c.CommonName, Policies: documentsOf(r, c.Policies)})
		}
	}
	for _, name := range r.Things() {
		own := r.ThingPolicies(name)
		blocked := r.Thing(name).Blocked
		if blocked || !slices.Equal(own, usual) {
			in.Services = append(in.Services, mosquitto.Service{Name: name, IsThing: true, Blocked: blocked, Policies: documentsOf(r, own)})
		}
	}
	return in
}

func documentsOf(r *registry.Registry, names []string) []*policies.Document {
	out := make([]*policies.Document, len(names))
	for i, name := range names {
		out[i] = r.Document(name)
	}
	return out
}

func (o *aclOptions) write(c *cobra.Command, list *mosquitto.List) error {
	var err error
	switch {
	case o.json:
		err = writeJSONList(c.OutOrStdout(), list.Verdicts)
	case o.report:
		_, err = fmt.Fprint(c.OutOrStdout(), list.Report())
	case o.out != "":
		if err = replaceFile(filepath.Clean(o.out), []byte(list.String())); err == nil {
			_, err = fmt.Fprintf(c.OutOrStdout(), "%s is written: Mosquitto reads it at its start, and after SIGHUP\n", o.out)
		}
	default:
		_, err = fmt.Fprint(c.OutOrStdout(), list)
	}
	if err != nil || !o.strict {
		return err
	}
	return o.unaccepted(list)
}

// unaccepted lists what cannot be enforced and was not accepted, and what was
// accepted in vain.
func (o *aclOptions) unaccepted(list *mosquitto.List) error {
	used := map[string]bool{}
	var problems []error
	for _, v := range list.Worst() {
		if v.Fidelity != mosquitto.NotEnforceable {
			continue
		}
		if o.accepts(v.Statement) {
			used[v.Statement] = true
			continue
		}
		problems = append(problems, fmt.Errorf("%s: %s cannot be enforced (%s): accept it with --accept '%s=REASON'",
			v.Document, v.Statement, strings.Join(v.Reasons, "; "), v.Statement))
	}
	for _, a := range o.accept {
		sid, reason, _ := strings.Cut(a, "=")
		switch {
		case reason == "":
			problems = append(problems, fmt.Errorf("--accept %q: write SID=REASON", a))
		case !used[sid]:
			problems = append(problems, fmt.Errorf("--accept %q: there is nothing to accept of a statement %s", a, sid))
		}
	}
	return errors.Join(problems...)
}

func (o *aclOptions) accepts(sid string) bool {
	return slices.ContainsFunc(o.accept, func(a string) bool { return strings.HasPrefix(a, sid+"=") && len(a) > len(sid)+1 })
}
