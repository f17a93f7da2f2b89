// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package devstack

import (
	"encoding/json"
	"strings"
)

// question is one of the three that a claim may ask.
type question string

const (
	fromCSR  question = "$aws/certificates/create-from-csr/json"
	withKeys question = "$aws/certificates/create/json"
	register question = "$aws/provisioning-templates/" // <T>/provision/json
)

const provisionEnd = "/provision/json"

// provisioningTopic tells whether a topic is a question, which, and of which template.
func provisioningTopic(topic string) (q question, template string, ok bool) {
	switch topic {
	case string(fromCSR), string(withKeys):
		return question(topic), "", true
	}
	rest, ok := strings.CutPrefix(topic, string(register))
	if !ok {
		return "", "", false
	}
	template, ok = strings.CutSuffix(rest, provisionEnd)
	return register, template, ok && templateName.MatchString(template)
}

// provisioningReply tells whether a topic, or a filter, is that of an answer.
func provisioningReply(topic string) (q question, template string, ok bool) {
	for _, end := range []string{"/accepted", "/rejected"} {
		if asked, found := strings.CutSuffix(topic, end); found {
			return provisioningTopic(asked)
		}
	}
	return "", "", false
}

// certified answers the first two questions.
type certified struct {
	Token          string `json:"certificateOwnershipToken"`
	CertificateID  string `json:"certificateId"`
	CertificatePEM string `json:"certificatePem"`
	PrivateKey     string `json:"privateKey,omitempty"`
}

// registration is the third question.
type registration struct {
	Token      string            `json:"certificateOwnershipToken"`
	Parameters map[string]string `json:"parameters"`
}

// registered answers it.
type registered struct {
	Configuration map[string]string `json:"deviceConfiguration"`
	ThingName     string            `json:"thingName"`
}

// answer returns the answer to a question, and its topic.
func (p *provisioner) answer(topic string, payload []byte) (replyTopic string, reply []byte) {
	q, template, ok := provisioningTopic(topic)
	if !ok {
		return "", nil
	}
	result, err := p.ask(q, template, payload)
	if err != nil {
		p.log.Warn("provisioning refused", "topic", topic, "why", err)
		return topic + "/rejected", mustJSON(refusalOf(err))
	}
	return topic + "/accepted", mustJSON(result)
}

func (p *provisioner) ask(q question, template string, payload []byte) (any, error) {
	if p.strict && p.pace(q).take() > 0 {
		return nil, refuse(429, "TooManyRequests", "The rate exceeds the limit.")
	}
	switch q {
	case fromCSR:
		var r struct {
			CSR string `json:"certificateSigningRequest"`
		}
		if err := json.Unmarshal(payload, &r); err != nil {
			return nil, refuse(400, "InvalidPayload", "The payload is no JSON of this form.")
		}
		return p.certify(r.CSR)
	case withKeys:
		return p.makeKey()
	}
	var r registration
	if err := json.Unmarshal(payload, &r); err != nil {
		return nil, refuse(400, "InvalidPayload", "The payload is no JSON of this form.")
	}
	return p.register(template, r)
}

// pace is AWS's quota of questions a second (AWS General Reference, "AWS IoT Core
// endpoints and quotas").
func (p *provisioner) pace(q question) *sliding {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.paced == nil {
		p.paced = map[question]*sliding{fromCSR: newSliding(20), withKeys: newSliding(10), register: newSliding(10)}
	}
	return p.paced[q]
}

// mustJSON writes what cannot fail: strings and numbers.
func mustJSON(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		return []byte(`{"statusCode":500,"errorCode":"InternalServerError","errorMessage":""}`)
	}
	return text
}
