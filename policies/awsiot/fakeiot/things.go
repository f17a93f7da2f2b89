// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package fakeiot

import (
	"crypto/x509"
	"encoding/pem"
	"maps"
	"slices"
	"strings"

	"thingpass/policies"
)

func (s *Server) describeGroup(q *query) (any, *failure) {
	if !s.groups[q.name] {
		return nil, gone("thing group " + q.name)
	}
	return map[string]any{"thingGroupName": q.name, "thingGroupArn": arn("thinggroup/" + q.name)}, nil
}

func (s *Server) addToGroup(q *query) (any, *failure) {
	t, f := s.thing(q.body.ThingName)
	if f != nil {
		return nil, f
	}
	if !s.groups[q.body.ThingGroupName] {
		return nil, gone("thing group " + q.body.ThingGroupName)
	}
	if !slices.Contains(t.groups, q.body.ThingGroupName) {
		t.groups = append(t.groups, q.body.ThingGroupName)
	}
	return nil, nil
}

func (s *Server) thing(name string) (*thing, *failure) {
	if t := s.things[name]; t != nil {
		return t, nil
	}
	return nil, gone("thing " + name)
}

func (s *Server) createThing(q *query) (any, *failure) {
	attributes := q.body.AttributePayload.Attributes
	if t := s.things[q.name]; t != nil && (t.Type != q.body.ThingTypeName || !maps.Equal(t.Attributes, attributes)) {
		return nil, &failure{409, "ResourceAlreadyExistsException", "thing exists with another configuration"}
	}
	if s.things[q.name] == nil {
		s.things[q.name] = &thing{Type: q.body.ThingTypeName, Attributes: attributes, principals: map[string]string{}}
	}
	return map[string]any{"thingName": q.name, "thingArn": arn("thing/" + q.name)}, nil
}

func (s *Server) describeThing(q *query) (any, *failure) {
	t, f := s.thing(q.name)
	if f != nil {
		return nil, f
	}
	return map[string]any{"thingName": q.name, "thingTypeName": t.Type, "attributes": t.Attributes}, nil
}

func (s *Server) listPrincipals(q *query) (any, *failure) {
	t, f := s.thing(q.name)
	if f != nil {
		return nil, f
	}
	all := slices.Sorted(maps.Keys(t.principals))
	at := 0
	if token := q.r.URL.Query().Get("nextToken"); token != "" {
		at = slices.Index(all, token)
	}
	page := map[string]any{}
	if at < len(all) {
		page["thingPrincipalObjects"] = []map[string]string{{"principal": all[at], "thingPrincipalType": t.principals[all[at]]}}
	}
	if at+1 < len(all) {
		page["nextToken"] = all[at+1]
	}
	return page, nil
}

func (s *Server) attachPrincipal(q *query) (any, *failure) {
	t, f := s.thing(q.name)
	if f != nil {
		return nil, f
	}
	kind := q.r.URL.Query().Get("thingPrincipalType")
	principal := q.r.Header.Get("X-Amzn-Principal")
	for name, other := range s.things {
		if has := other.principals[principal]; name != q.name && (has == "EXCLUSIVE_THING" || has != "" && kind == "EXCLUSIVE_THING") {
			return nil, invalid("the principal is attached to thing %s", name)
		}
	}
	t.principals[principal] = kind
	return nil, nil
}

func (s *Server) detachPrincipal(q *query) (any, *failure) {
	t, f := s.thing(q.name)
	if f != nil {
		return nil, f
	}
	delete(t.principals, q.r.Header.Get("X-Amzn-Principal"))
	return nil, nil
}

// createCertificate signs as AWS does: the subject is AWS's own, not the CSR's.
func (s *Server) createCertificate(q *query) (any, *failure) {
	block, _ := pem.Decode([]byte(q.body.CertificateSigningRequest))
	if block == nil {
		return nil, invalid("the CSR is not PEM")
	}
	request, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil || request.CheckSignature() != nil {
		return nil, invalid("the CSR is not valid")
	}
	leaf, err := s.sign(request)
	if err != nil {
		return nil, invalid("%v", err)
	}
	c := &certificate{id: policies.CertificateID(leaf), status: "INACTIVE", created: s.now}
	if q.r.URL.Query().Get("setAsActive") == "true" {
		c.status = "ACTIVE"
	}
	c.pem = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Raw}))
	s.certificates[c.id] = c
	return map[string]any{"certificateId": c.id, "certificateArn": arn("cert/" + c.id), "certificatePem": c.pem}, nil
}

func (s *Server) certificate(id string) (*certificate, *failure) {
	if c := s.certificates[id]; c != nil {
		return c, nil
	}
	return nil, gone("certificate " + id)
}

func (s *Server) describeCertificate(q *query) (any, *failure) {
	c, f := s.certificate(q.name)
	if f != nil {
		return nil, f
	}
	return map[string]any{"certificateDescription": map[string]any{
		"certificateId": c.id, "certificateArn": arn("cert/" + c.id), "status": c.status, "certificatePem": c.pem,
		"creationDate": float64(c.created.Unix()),
		"validity":     map[string]any{"notBefore": float64(c.created.Unix()), "notAfter": 2524607999.0}, // 2049-12-31, as AWS's are
	}}, nil
}

func (s *Server) updateCertificate(q *query) (any, *failure) {
	c, f := s.certificate(q.name)
	if f != nil {
		return nil, f
	}
	if c.status == "REVOKED" {
		return nil, &failure{409, "CertificateStateException", "a revoked certificate stays revoked"}
	}
	c.status = q.r.URL.Query().Get("newStatus")
	return nil, nil
}

func (s *Server) effectivePolicies(q *query) (any, *failure) {
	out := []map[string]string{}
	for _, doc := range s.attached(q.body.Principal, q.r.URL.Query().Get("thingName")) {
		out = append(out, map[string]string{"policyName": doc.Name, "policyDocument": s.policies[doc.Name].current().document})
	}
	return map[string]any{"effectivePolicies": out}, nil
}

type authInfo struct {
	ActionType string   `json:"actionType"`
	Resources  []string `json:"resources"`
}

var iotActions = map[string]string{"CONNECT": "iot:Connect", "PUBLISH": "iot:Publish", "SUBSCRIBE": "iot:Subscribe", "RECEIVE": "iot:Receive"}

func (s *Server) testAuthorization(q *query) (any, *failure) {
	if n := len(q.body.AuthInfos); n < 1 || n > 10 {
		return nil, invalid("%d authInfos", n)
	}
	clientID := q.r.URL.Query().Get("clientId")
	t := s.things[clientID]
	_, id, _ := strings.Cut(q.body.Principal, ":cert/")
	who := policies.Principal{ID: id}
	if t != nil && t.principals[q.body.Principal] != "" {
		who.Thing = &policies.Thing{Name: clientID, Type: t.Type, Attributes: t.Attributes}
	}
	set := policies.Compile(policies.IoT, s.attached(q.body.Principal, clientID)...)
	session, _ := set.Connect(policies.Place{Partition: "aws", Region: Region, Account: Account}, who, policies.ConnectRequest{ClientID: clientID})
	results := []any{}
	for _, info := range q.body.AuthInfos {
		x := session.Explain(iotActions[info.ActionType], info.Resources[0])
		decision := x.Decision.String()
		if s.Decide != nil {
			decision = s.Decide(info.ActionType, info.Resources[0], decision)
		}
		results = append(results, map[string]any{"authInfo": info, "authDecision": decision, "missingContextValues": x.Missing})
	}
	return map[string]any{"authResults": results}, nil
}
