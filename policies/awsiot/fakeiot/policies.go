// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package fakeiot

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"thingpass/policies"
)

func (s *Server) find(name string) (*policy, *failure) {
	if p := s.policies[name]; p != nil {
		return p, nil
	}
	return nil, gone("policy " + name)
}

// check refuses what AWS refuses of a document.
func check(document string) *failure {
	n := 0
	for _, r := range document {
		if !unicode.IsSpace(r) {
			n++
		}
	}
	if _, err := policies.Parse("document", []byte(document)); err != nil || n > 2048 {
		return &failure{400, "MalformedPolicyException", "policy document is malformed"}
	}
	return nil
}

func (s *Server) add(p *policy, document string, isDefault bool) string {
	p.next++
	if isDefault {
		for i := range p.versions {
			p.versions[i].IsDefault = false
		}
	}
	id := fmt.Sprint(p.next)
	p.versions = append(p.versions, version{id, isDefault, float64(s.now.Unix()), document})
	return id
}

func (s *Server) getPolicy(q *query) (any, *failure) {
	p, f := s.find(q.name)
	if f != nil {
		return nil, f
	}
	v := p.current()
	return map[string]any{"policyName": q.name, "policyArn": arn("policy/" + q.name), "policyDocument": v.document, "defaultVersionId": v.ID}, nil
}

func (s *Server) createPolicy(q *query) (any, *failure) {
	if s.policies[q.name] != nil {
		return nil, &failure{409, "ResourceAlreadyExistsException", "policy exists"}
	}
	if f := check(q.body.PolicyDocument); f != nil {
		return nil, f
	}
	p := &policy{}
	s.policies[q.name] = p
	return map[string]any{"policyVersionId": s.add(p, q.body.PolicyDocument, true)}, nil
}

func (s *Server) listVersions(q *query) (any, *failure) {
	p, f := s.find(q.name)
	if f != nil {
		return nil, f
	}
	return map[string]any{"policyVersions": p.versions}, nil
}

func (s *Server) createVersion(q *query) (any, *failure) {
	p, f := s.find(q.name)
	if f != nil {
		return nil, f
	}
	if f := check(q.body.PolicyDocument); f != nil {
		return nil, f
	}
	if len(p.versions) >= 5 {
		return nil, &failure{409, "VersionsLimitExceededException", "the policy already has 5 versions"}
	}
	isDefault := q.r.URL.Query().Get("setAsDefault") == "true"
	return map[string]any{"policyVersionId": s.add(p, q.body.PolicyDocument, isDefault), "isDefaultVersion": isDefault}, nil
}

func (s *Server) version(q *query) (*policy, int, *failure) {
	p, f := s.find(q.name)
	if f != nil {
		return nil, 0, f
	}
	i := slices.IndexFunc(p.versions, func(v version) bool { return v.ID == q.id })
	if i < 0 {
		return nil, 0, gone("version " + q.id)
	}
	return p, i, nil
}

func (s *Server) getVersion(q *query) (any, *failure) {
	p, i, f := s.version(q)
	if f != nil {
		return nil, f
	}
	return map[string]any{"policyDocument": p.versions[i].document, "policyVersionId": q.id, "isDefaultVersion": p.versions[i].IsDefault}, nil
}

func (s *Server) setDefault(q *query) (any, *failure) {
	p, at, f := s.version(q)
	if f != nil {
		return nil, f
	}
	for i := range p.versions {
		p.versions[i].IsDefault = i == at
	}
	return nil, nil
}

func (s *Server) deleteVersion(q *query) (any, *failure) {
	p, i, f := s.version(q)
	if f != nil {
		return nil, f
	}
	if p.versions[i].IsDefault {
		return nil, &failure{409, "DeleteConflictException", "the default version cannot be deleted"}
	}
	p.versions = slices.Delete(p.versions, i, i+1)
	return nil, nil
}

func (s *Server) listTargets(q *query) (any, *failure) {
	if _, f := s.find(q.name); f != nil {
		return nil, f
	}
	all := s.targets[q.name]
	at := 0
	if m := q.r.URL.Query().Get("marker"); m != "" {
		at = slices.Index(all, m)
	}
	page := map[string]any{"targets": all[at:min(at+1, len(all))]} // pages of one: the caller must go on
	if at+1 < len(all) {
		page["nextMarker"] = all[at+1]
	}
	return page, nil
}

func (s *Server) attachPolicy(q *query) (any, *failure) {
	if _, f := s.find(q.name); f != nil {
		return nil, f
	}
	if !slices.Contains(s.targets[q.name], q.body.Target) {
		s.targets[q.name] = append(s.targets[q.name], q.body.Target)
	}
	return nil, nil
}

// attached are the policies of a certificate and of its thing's groups.
func (s *Server) attached(principal, name string) []*policies.Document {
	targets := []string{principal}
	if t := s.things[name]; t != nil {
		for _, g := range t.groups {
			targets = append(targets, arn("thinggroup/"+g))
		}
	}
	var docs []*policies.Document
	for policyName, at := range s.targets {
		if !slices.ContainsFunc(at, func(a string) bool { return slices.Contains(targets, a) }) {
			continue
		}
		doc, err := policies.Parse(policyName, []byte(s.policies[policyName].current().document))
		if err != nil {
			s.tb.Error(err)
			continue
		}
		docs = append(docs, doc)
	}
	slices.SortFunc(docs, func(a, b *policies.Document) int { return strings.Compare(a.Name, b.Name) })
	return docs
}
