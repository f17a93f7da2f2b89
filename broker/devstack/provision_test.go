// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package devstack_test

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"strings"
	"testing"

	"thingpass/broker/devstack"
)

const (
	claimID      = devstack.DefaultClaim + "-1"
	createTopic  = "$aws/certificates/create-from-csr/json"
	keysTopic    = "$aws/certificates/create/json"
	fleetTopic   = "$aws/provisioning-templates/fleet/provision/json"
	anotherTopic = "$aws/provisioning-templates/another/provision/json"
)

// startProvisioning has templates fleet (cam-<serial>), once, two (two things) and hook.
func startProvisioning(t testing.TB, change ...func(*devstack.MQTTOptions)) *testMQTT {
	t.Helper()
	var ca *authority
	return startMQTT(t, append([]func(*devstack.MQTTOptions){shipped, func(o *devstack.MQTTOptions) {
		ca = newAuthority(t)
		o.Provisioning = &devstack.Provisioning{CA: ca.cert, Key: ca.key, Templates: []devstack.Template{
			{Name: "fleet", Prefix: "cam-", Group: "cameras", Configuration: map[string]string{"site": "north"}},
			{Name: "once", Once: true},
			{Name: "two", Most: 2},
			{Name: "hook", Allow: func(p map[string]string) error {
				if p["Secret"] != "sesame" {
					return errors.New("no sesame")
				}
				return nil
			}},
		}}
		o.ClientCAs.AddCert(ca.cert)
	}}, change...)...)
}

// claimant is a client with the claim, subscribed to the answers of a template.
type claimant struct{ *v5 }

func (m *testMQTT) claimant(template string) claimant {
	m.t.Helper()
	c := m.must(m.ca.service(m.t, devstack.DefaultClaim), claimID)
	for _, topic := range []string{createTopic, "$aws/provisioning-templates/" + template + "/provision/json"} {
		for _, end := range []string{"/accepted", "/rejected"} {
			if code := c.subscribe(topic + end); code != 1 {
				m.t.Fatalf("subscribe to %s%s: %#x", topic, end, code)
			}
		}
	}
	return claimant{c}
}

// answer holds every field of all answers.
type answer struct {
	Token         string            `json:"certificateOwnershipToken"`
	ID            string            `json:"certificateId"`
	PEM           string            `json:"certificatePem"`
	Key           string            `json:"privateKey"`
	Thing         string            `json:"thingName"`
	Configuration map[string]string `json:"deviceConfiguration"`
	Status        int               `json:"statusCode"`
	Code          string            `json:"errorCode"`
	Message       string            `json:"errorMessage"`
}

// ask publishes and returns the answer; accepted tells on which topic it came.
func (c claimant) ask(topic string, payload any) (a answer, accepted bool) {
	c.t.Helper()
	text, isText := payload.(string)
	if !isText {
		raw, err := json.Marshal(payload)
		if err != nil {
			c.t.Fatal(err)
		}
		text = string(raw)
	}
	if code := c.publish(topic, text); code > 0x10 {
		c.t.Fatalf("publish to %s: %#x", topic, code)
	}
	got := c.next()
	on, reply, _ := strings.Cut(got, " ")
	if err := json.Unmarshal([]byte(reply), &a); err != nil {
		c.t.Fatalf("answer to %s: %q: %v", topic, got, err)
	}
	accepted = on == topic+"/accepted"
	if !accepted && on != topic+"/rejected" {
		c.t.Fatalf("answer on %s", on)
	}
	return a, accepted
}

func newCSR(t testing.TB, key *ecdsa.PrivateKey) string {
	t.Helper()
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}))
}

// certificate asks for one and returns it as a client uses it.
func (c claimant) certificate(key *ecdsa.PrivateKey) (answer, tls.Certificate) {
	c.t.Helper()
	a, ok := c.ask(createTopic, map[string]string{"certificateSigningRequest": newCSR(c.t, key)})
	if !ok {
		c.t.Fatalf("no certificate: %+v", a)
	}
	block, _ := pem.Decode([]byte(a.PEM))
	return a, tls.Certificate{Certificate: [][]byte{block.Bytes}, PrivateKey: key}
}

func (c claimant) register(topic, token string, parameters map[string]string) (answer, bool) {
	c.t.Helper()
	return c.ask(topic, map[string]any{"certificateOwnershipToken": token, "parameters": parameters})
}

var seven = map[string]string{"SerialNumber": "7"}

func TestAClaimBecomesAThing(t *testing.T) {
	m := startProvisioning(t)
	c := m.claimant("fleet")
	a, cert := c.certificate(newKey(t))
	if len(a.ID) != 64 || len(a.Token) < 400 {
		t.Errorf("id %q, token of %d bytes", a.ID, len(a.Token))
	}
	if _, _, err := m.connect(cert, "cam-7"); err == nil {
		t.Error("let in while it is PENDING_ACTIVATION")
	}
	m.logged("refused", "PENDING_ACTIVATION")
	b, ok := c.register(fleetTopic, a.Token, seven)
	if !ok || b.Thing != "cam-7" || b.Configuration["site"] != "north" {
		t.Fatalf("register: %+v", b)
	}
	broker := m.broker()
	broker.subscribe("$share/thingpass/thingpass/+/upload-request")
	thing := m.must(cert, "cam-7")
	if code := thing.publish("thingpass/cam-7/upload-request", "hello"); code > 0x10 {
		t.Errorf("publish: %#x", code)
	}
	if got := broker.next(); got != "thingpass/cam-7/upload-request hello" {
		t.Errorf("the broker got %q", got)
	}
	if _, _, err := m.connect(cert, "cam-8"); err == nil {
		t.Error("let in under another's name")
	}
	if code := thing.subscribe("thingpass/cam-8/response"); code < 0x80 {
		t.Error("may hear a neighbour")
	}
}

func TestAClaimMayDoNothingElse(t *testing.T) {
	m := startProvisioning(t, func(o *devstack.MQTTOptions) {
		o.Provisioning.Claims = map[string][]string{devstack.DefaultClaim: {"fleet"}}
	})
	for _, filter := range []string{
		"#", "$aws/#", "$aws/certificates/#", "$aws/certificates/create-from-csr/json/+", "thingpass/+/upload-request",
		"thingpass/" + claimID + "/response", "$share/thingpass/thingpass/+/upload-request", anotherTopic + "/accepted",
		"$share/x/" + createTopic + "/accepted", createTopic, "$SYS/#", "$aws/provisioning-templates/+/provision/json/accepted",
	} {
		if code := m.claimant("fleet").subscribe(filter); code < 0x80 {
			t.Errorf("subscribe to %s: %#x", filter, code)
		}
	}
	for _, topic := range []string{
		"thingpass/" + claimID + "/upload-request", "thingpass/cam-7/upload-request", "thingpass/cam-7/response",
		anotherTopic, createTopic + "/accepted", fleetTopic + "/accepted", "$aws/certificates/create-from-csr/cbor",
		"$aws/things/cam-7/shadow/update", "$SYS/x", "x",
	} {
		c := m.claimant("fleet")
		c.publish(topic, "{}")
		c.closed(0x87)
	}
	for _, id := range []string{"cam-7", devstack.DefaultBroker, devstack.DefaultBroker + "-1", "", "thingpass-claims"} {
		if _, _, err := m.connect(m.ca.service(t, devstack.DefaultClaim), id); err == nil {
			t.Errorf("let in as %q", id)
		}
	}
	if _, _, err := m.connect(m.ca.thing(t, devstack.DefaultClaim), devstack.DefaultClaim); err == nil {
		t.Error("a thing passes for the claim")
	}
}

func TestNobodyElseMayClaim(t *testing.T) {
	m := startProvisioning(t)
	for _, topic := range []string{createTopic, keysTopic, fleetTopic} {
		thing := m.thing("cam1")
		thing.publish(topic, "{}")
		thing.closed(0x87)
		broker := m.broker()
		broker.publish(topic, "{}")
		broker.closed(0x87)
	}
	if code := m.thing("cam1").subscribe(createTopic + "/accepted"); code < 0x80 {
		t.Error("a thing may hear answers to claims")
	}
	plain := startMQTT(t)
	if _, _, err := plain.connect(plain.ca.service(t, devstack.DefaultClaim), claimID); err == nil {
		t.Error("a claim is let in where nothing is provisioned")
	}
}

// Two devices of a batch have one claim: neither may hear the other's token.
func TestAnswersGoToWhoAsked(t *testing.T) {
	m := startProvisioning(t)
	one := m.claimant("fleet")
	two := claimant{m.must(m.ca.service(t, devstack.DefaultClaim), devstack.DefaultClaim+"-2")}
	two.subscribe(createTopic + "/accepted")
	one.certificate(newKey(t))
	two.subscribe(createTopic + "/rejected") // answered after whatever came before it
	select {
	case p := <-two.received:
		t.Errorf("the other received %s", p.Topic)
	default:
	}
}

func TestACSRMustBeSound(t *testing.T) {
	m := startProvisioning(t)
	c := m.claimant("fleet")
	good := newCSR(t, newKey(t))
	block, _ := pem.Decode([]byte(good))
	block.Bytes[len(block.Bytes)-1] ^= 1
	for name, payload := range map[string]any{
		"no JSON":        "x",
		"empty":          "{}",
		"not a text":     map[string]int{"certificateSigningRequest": 7},
		"no PEM":         map[string]string{"certificateSigningRequest": "AAAA"},
		"a certificate":  map[string]string{"certificateSigningRequest": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: m.ca.cert.Raw}))},
		"two of them":    map[string]string{"certificateSigningRequest": good + good},
		"bad signature":  map[string]string{"certificateSigningRequest": string(pem.EncodeToMemory(block))},
		"cut":            map[string]string{"certificateSigningRequest": good[:200]},
		"garbage in PEM": map[string]string{"certificateSigningRequest": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: []byte("x")}))},
	} {
		if a, ok := c.ask(createTopic, payload); ok || a.Status != 400 || a.Code == "" || a.Message == "" {
			t.Errorf("%s: %+v", name, a)
		}
	}
	if _, ok := c.ask(createTopic, map[string]string{"certificateSigningRequest": good}); !ok {
		t.Error("a good one is refused after bad ones")
	}
}

func TestATokenIsGoodOnce(t *testing.T) {
	m := startProvisioning(t)
	c := m.claimant("fleet")
	a, _ := c.certificate(newKey(t))
	for token, parameters := range map[string]map[string]string{"": seven, "x": seven, a.Token + "x": seven} {
		if b, ok := c.register(fleetTopic, token, parameters); ok || b.Status != 400 || b.Code != "InvalidCertificateOwnershipToken" {
			t.Errorf("token %.10q: %+v", token, b)
		}
	}
	for _, parameters := range []map[string]string{nil, {}, {"SerialNumber": ""}, {"SerialNumber": "a/b"}, {"SerialNumber": "+"},
		{"SerialNumber": strings.Repeat("a", 200)}, {"serialNumber": "7"}} {
		if b, ok := c.register(fleetTopic, a.Token, parameters); ok || b.Status != 400 || b.Code != "InvalidParameters" {
			t.Errorf("%v: %+v", parameters, b)
		}
	}
	if b, ok := c.register(fleetTopic, a.Token, seven); !ok {
		t.Fatalf("a good token is spent by bad questions: %+v", b)
	}
	if b, ok := c.register(fleetTopic, a.Token, seven); ok || b.Code != "InvalidCertificateOwnershipToken" {
		t.Errorf("again: %+v", b)
	}
	if b, ok := c.ask(fleetTopic, "{"); ok || b.Status != 400 {
		t.Errorf("no JSON: %+v", b)
	}
}

func TestTemplatesHaveLimits(t *testing.T) {
	m := startProvisioning(t)
	try := func(template string, parameters map[string]string) answer {
		t.Helper()
		c := m.claimant(template)
		a, _ := c.certificate(newKey(t))
		b, _ := c.register("$aws/provisioning-templates/"+template+"/provision/json", a.Token, parameters)
		return b
	}
	for _, step := range []struct {
		template   string
		parameters map[string]string
		status     int // 0: accepted
	}{
		{"once", map[string]string{"SerialNumber": "a"}, 0},
		{"once", map[string]string{"SerialNumber": "a"}, 409},
		{"fleet", seven, 0},
		{"fleet", seven, 0}, // another certificate for the same thing
		{"two", map[string]string{"SerialNumber": "b"}, 0},
		{"two", map[string]string{"SerialNumber": "b"}, 0},
		{"two", map[string]string{"SerialNumber": "c"}, 0},
		{"two", map[string]string{"SerialNumber": "d"}, 403},
		{"two", map[string]string{"SerialNumber": "c"}, 0},
		{"hook", map[string]string{"SerialNumber": "e"}, 403},
		{"hook", map[string]string{"SerialNumber": "e", "Secret": "sesame"}, 0},
		{"once", map[string]string{"SerialNumber": devstack.DefaultBroker}, 400},
		{"once", map[string]string{"SerialNumber": devstack.DefaultBroker + "-1"}, 400},
		{"once", map[string]string{"SerialNumber": devstack.DefaultClaim}, 400},
	} {
		if b := try(step.template, step.parameters); b.Status != step.status {
			t.Errorf("%s %v: %+v, want %d", step.template, step.parameters, b, step.status)
		}
	}
}

func TestKeysOnRequest(t *testing.T) {
	m := startProvisioning(t, func(o *devstack.MQTTOptions) { // our claim policy does not allow it
		o.Registry = lab(t, "policies:\n", "policies:\n  claim: {builtin: claim, values: {template: fleet}}\n", "groups:\n", "groups:\n  cameras: {policies: [thing]}\n",
			"certificates:\n", "certificates:\n  - {commonName: thingpass-claim, policies: [claim, keys]}\n")
	})
	c := m.claimant("fleet")
	c.subscribe(keysTopic + "/accepted")
	a, ok := c.ask(keysTopic, "{}")
	if !ok {
		t.Fatalf("%+v", a)
	}
	cert, err := tls.X509KeyPair([]byte(a.PEM), []byte(a.Key))
	if err != nil {
		t.Fatal(err)
	}
	if b, ok := c.register(fleetTopic, a.Token, seven); !ok {
		t.Fatalf("%+v", b)
	}
	m.must(cert, "cam-7")
}

func TestAThrottledClaimIsToldSo(t *testing.T) {
	m := startProvisioning(t, func(o *devstack.MQTTOptions) { o.Strict = &devstack.Strict{} })
	c := m.claimant("fleet")
	throttled := 0
	for range 15 {
		if a, ok := c.ask(fleetTopic, "{}"); !ok && a.Status == 429 {
			throttled++
		}
	}
	if throttled < 5 {
		t.Errorf("%d of 15 questions at once were throttled, want at least 5 (10 a second)", throttled)
	}
}

func TestProvisioningIsSetUpSoundly(t *testing.T) {
	ca := newAuthority(t)
	for name, p := range map[string]devstack.Provisioning{
		"no CA":            {Templates: []devstack.Template{{Name: "fleet"}}},
		"no template":      {CA: ca.cert, Key: ca.key},
		"a name with /":    {CA: ca.cert, Key: ca.key, Templates: []devstack.Template{{Name: "a/b"}}},
		"too long a name":  {CA: ca.cert, Key: ca.key, Templates: []devstack.Template{{Name: strings.Repeat("a", 37)}}},
		"twice":            {CA: ca.cert, Key: ca.key, Templates: []devstack.Template{{Name: "a"}, {Name: "a"}}},
		"prefix with +":    {CA: ca.cert, Key: ca.key, Templates: []devstack.Template{{Name: "a", Prefix: "+"}}},
		"claim with space": {CA: ca.cert, Key: ca.key, Templates: []devstack.Template{{Name: "a"}}, Claims: map[string][]string{"a b": {"a"}}},
	} {
		_, err := devstack.StartMQTT(t.Context(), devstack.MQTTOptions{Certificate: ca.server(t), ClientCAs: ca.pool(), Provisioning: &p})
		if err == nil {
			t.Errorf("%s: started", name)
		}
	}
}
