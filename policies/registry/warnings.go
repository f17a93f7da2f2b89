// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"thingpass/policies"
)

// Warnings are what is most likely not meant: the registry and its policies are in
// disagreement, or somebody can never do anything.
func (r *Registry) Warnings() policies.Problems { return r.warnings }

func (b *builder) warn(file string, pos policies.Position, fix, format string, args ...any) {
	b.out.warnings = append(b.out.warnings, policies.Problem{File: file, Pos: pos, Text: fmt.Sprintf(format, args...), Fix: fix})
}

func (b *builder) disagreements() {
	for _, name := range b.out.Documents() {
		b.judgeDocument(name, b.out.documents[name])
	}
	b.judgeThings()
	b.judgeCertificates()
}

func (b *builder) judgeDocument(name string, d *policies.Document) {
	if !b.attached[name] {
		b.warn(b.file, b.where["policies/"+name], "attach it to a group or a certificate", "policy %s is attached to nothing", name)
	}
	for i := range d.Statements {
		s := &d.Statements[i]
		for _, resource := range s.Resources {
			b.judgePlace(d, resource)
			b.judgeVariables(d, resource)
		}
		for _, c := range s.Conditions {
			b.judgeVariables(d, c.Key)
			for _, v := range c.Values {
				b.judgeVariables(d, v)
			}
			if strings.EqualFold(c.Key.Value, "iot:Connection.Thing.ThingTypeName") {
				b.judgeTypes(d, c)
			}
		}
	}
}

// judgePlace compares an ARN with where the registry says that all is.
func (b *builder) judgePlace(d *policies.Document, resource policies.Text) {
	part := strings.SplitN(resource.Value, ":", 6)
	if len(part) < 6 || part[0] != "arn" || part[2] != "iot" {
		return
	}
	p := b.out.Place
	for _, c := range []struct{ what, has, want string }{{"partition", part[1], p.Partition}, {"region", part[3], p.Region}, {"account", part[4], p.Account}} {
		if c.has != c.want && !strings.ContainsAny(c.has, "*?$") {
			b.warn(d.Name, resource.Pos, "render it anew, or correct the registry", "%s %s, but the registry's is %s: this resource is never asked for", c.what, c.has, c.want)
		}
	}
}

var attributeVariable = regexp.MustCompile(`(?i)iot:Connection\.Thing\.Attributes\[([^\]]*)\]`)

func (b *builder) judgeVariables(d *policies.Document, text policies.Text) {
	for _, m := range attributeVariable.FindAllStringSubmatch(text.Value, -1) {
		if !b.attributesSeen[m[1]] {
			b.warn(d.Name, text.Pos, "give it to the things that need it", "no thing has an attribute %q: the variable never resolves", m[1])
		}
	}
}

func (b *builder) judgeTypes(d *policies.Document, c policies.Condition) {
	for _, v := range c.Values {
		if !strings.ContainsAny(v.Value, "*?$") && !b.out.types[v.Value] {
			b.warn(d.Name, v.Pos, "define it below types:", "there is no thing type %q in the registry", v.Value)
		}
	}
}

func (b *builder) judgeThings() {
	var idle, unreachable []string
	for _, name := range b.out.Things() {
		if owner := b.out.Owner(name); owner != "" {
			b.warn(b.file, b.where["things/"+name], "give it another name", "thing %s can take over a session of service %s, whose client ids begin like its name", name, owner)
		}
		if len(b.out.ThingPolicies(name)) == 0 && !b.armed[name] {
			idle = append(idle, name)
		}
		if !b.certified[name] && !b.out.Admits() {
			unreachable = append(unreachable, name)
		}
	}
	b.aboutThings(idle, "put them into a group that has a policy", "have no policy and may do nothing")
	b.aboutThings(unreachable, "add their certificates, or jitp", "have no certificate and cannot connect")
}

func (b *builder) aboutThings(names []string, fix, what string) {
	if len(names) == 0 {
		return
	}
	list := strings.Join(names[:min(3, len(names))], ", ")
	if len(names) > 3 {
		list += fmt.Sprintf(" and %d others", len(names)-3)
	}
	b.warn(b.file, b.where["things/"+names[0]], fix, "things %s: %s", what, list)
}

func (b *builder) judgeCertificates() {
	for i := range b.out.certificates {
		c := &b.out.certificates[i]
		if c.Status == Active && len(c.Things)+len(c.Policies) == 0 {
			b.warn(b.file, b.where["certificates/"+c.ID+c.CommonName], "attach it to a thing or give it policies", "certificate %s%s is ACTIVE and may do nothing", c.ID, c.CommonName)
		}
	}
}

// attach notes what is attached to something.
func (b *builder) attach(names []string) {
	for _, name := range names {
		b.attached[name] = true
	}
}

// noteCertificate notes which things it makes reachable.
func (b *builder) noteCertificate(c *Certificate) {
	b.attach(c.Policies)
	for _, thing := range c.Things {
		b.certified[thing] = b.certified[thing] || !slices.Contains([]Status{Inactive, Revoked}, c.Status)
		b.armed[thing] = b.armed[thing] || len(c.Policies) > 0
	}
}

func (b *builder) note(section string, key *yaml.Node) {
	b.where[section+"/"+key.Value] = policies.Position{Line: key.Line, Column: key.Column}
}
