// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package devstack

// Fleet provisioning by claim, as AWS IoT Core does it over MQTT (AWS IoT Developer
// Guide, "Device provisioning MQTT API"):
//
//	$aws/certificates/create-from-csr/json             a certificate for a key
//	$aws/certificates/create/json                      a key and its certificate
//	$aws/provisioning-templates/<T>/provision/json     the thing that it is for
//
// Each is answered below /accepted or /rejected, to the client that asked and to no
// other. A certificate is PENDING_ACTIVATION until its thing is registered, and until
// then nobody is let in with it. What the guide leaves open is done as it is worst for a
// thing: a token is good once.

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"regexp"
	"slices"
	"sync"
	"time"

	"thingpass/certs"
)

// DefaultClaim is the name of the service whose certificate is the claim.
const DefaultClaim = "thingpass-claim"

const (
	tokenLife  = time.Hour
	tokenBytes = 350 // AWS's tokens are about as long in base64
)

// A Template says what becomes of a certificate whose owner gives a serial number.
type Template struct {
	Name   string // 1 to 36 letters, digits, _ and -
	Prefix string // the thing's name is this and the parameter SerialNumber
	Group  string // that the thing is put into; "": none
	Most   int    // things that it makes; 0: any number
	// Once refuses a thing that is there already, as AWS's OverrideSettings FAIL. A
	// thing whose power went in the wrong moment cannot be provisioned again then.
	Once bool
	// Validity is that of certificates, default 10 years.
	Validity time.Duration
	// Allow is the pre-provisioning hook: it sees the parameters, and its error says why
	// not. nil: everybody.
	Allow func(parameters map[string]string) error
	// Configuration is what a thing is told beside its name.
	Configuration map[string]string
}

// fleet is what provisioning enters into the registry.
type fleet interface {
	// Add enters a certificate that is PENDING_ACTIVATION.
	Add(leaf *x509.Certificate) error
	// Register makes the thing if it is not there, attaches the certificate to it and
	// makes that ACTIVE.
	Register(certificateID, thing, group string) error
	// Drop removes a certificate that was never registered.
	Drop(certificateID string) error
	// Has tells whether there is a thing of that name.
	Has(thing string) bool
}

// A provisioner answers the three questions. Its methods may be called concurrently.
type provisioner struct {
	issuer    *claimIssuer
	fleet     fleet
	templates map[string]Template
	reserved  func(thing string) bool // names that no thing may have
	now       func() time.Time
	strict    bool // throttle as AWS does
	log       *slog.Logger

	mu     sync.Mutex
	tokens map[string]pending
	made   map[string]int        // things, by template
	paced  map[question]*sliding // in Strict
}

// pending is a certificate that waits for its thing.
type pending struct {
	certificateID string
	until         time.Time
}

var templateName = regexp.MustCompile(`^[0-9A-Za-z_-]{1,36}$`)

func newProvisioner(templates []Template) (*provisioner, error) {
	p := &provisioner{
		templates: make(map[string]Template),
		now:       time.Now,
		tokens:    make(map[string]pending),
		made:      make(map[string]int),
		reserved:  func(string) bool { return false },
		log:       slog.New(slog.DiscardHandler),
	}
	for _, t := range templates {
		if !templateName.MatchString(t.Name) {
			return nil, fmt.Errorf("provisioning template %q: a name has 1 to 36 letters, digits, _ and -", t.Name)
		}
		if _, twice := p.templates[t.Name]; twice {
			return nil, fmt.Errorf("provisioning template %q is there twice", t.Name)
		}
		if t.Prefix != "" && certs.CheckName(t.Prefix) != nil {
			return nil, fmt.Errorf("provisioning template %q: the prefix %q cannot begin a thing's name", t.Name, t.Prefix)
		}
		p.templates[t.Name] = t
	}
	return p, nil
}

func (p *provisioner) templateNames() []string {
	return slices.Sorted(maps.Keys(p.templates))
}

// certify issues a certificate for a CSR.
func (p *provisioner) certify(csr string) (certified, error) {
	leaf, err := p.issuer.fromCSR(csr, p.validity())
	if err != nil {
		return certified{}, refuse(400, "InvalidCsr", "%v", err)
	}
	return p.enter(leaf)
}

// makeKey issues a certificate with a key of ours.
func (p *provisioner) makeKey() (certified, error) {
	leaf, key, err := p.issuer.withKey(p.validity())
	if err != nil {
		return certified{}, err
	}
	c, err := p.enter(leaf)
	c.PrivateKey = key
	return c, err
}

// validity is the longest of the templates': at this moment nobody knows which it is for.
func (p *provisioner) validity() time.Duration {
	longest := time.Duration(0)
	for _, t := range p.templates {
		longest = max(longest, orDefault(t.Validity, 10*365*24*time.Hour))
	}
	return longest
}

// enter makes a certificate known, and its token.
func (p *provisioner) enter(leaf *x509.Certificate) (certified, error) {
	raw := make([]byte, tokenBytes)
	if _, err := rand.Read(raw); err != nil {
		return certified{}, err
	}
	id, token := certificateID(leaf), base64.StdEncoding.EncodeToString(raw)
	if err := p.fleet.Add(leaf); err != nil {
		return certified{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sweep()
	p.tokens[token] = pending{id, p.now().Add(tokenLife)}
	return certified{CertificateID: id, CertificatePEM: string(certPEM(leaf)), Token: token}, nil
}

// sweep forgets certificates whose hour is over, as AWS does. Under p.mu.
func (p *provisioner) sweep() {
	for token, c := range p.tokens {
		if p.now().After(c.until) {
			delete(p.tokens, token)
			if err := p.fleet.Drop(c.certificateID); err != nil {
				p.log.Warn("provisioning: a certificate that was never used stays in the registry", "certificate", c.certificateID, "error", err)
			}
		}
	}
}

// register makes the thing, and its certificate good.
func (p *provisioner) register(name string, r registration) (registered, error) {
	t, ok := p.templates[name]
	if !ok {
		return registered{}, refuse(404, "ResourceNotFound", "There is no provisioning template %s.", name)
	}
	if r.Token == "" {
		return registered{}, refuse(400, "InvalidCertificateOwnershipToken", "Certificate ownership token cannot be empty.")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sweep()
	c, ok := p.tokens[r.Token]
	if !ok {
		return registered{}, refuse(400, "InvalidCertificateOwnershipToken", "The certificate ownership token is unknown, spent or has ended.")
	}
	thing, err := p.admit(t, r.Parameters)
	if err != nil {
		return registered{}, err
	}
	known := p.fleet.Has(thing)
	if err := p.fleet.Register(c.certificateID, thing, t.Group); err != nil {
		return registered{}, err
	}
	delete(p.tokens, r.Token)
	if !known {
		p.made[name]++
	}
	p.log.Info("provisioned", "thing", thing, "template", name, "certificate", c.certificateID, "again", known)
	return registered{ThingName: thing, Configuration: t.Configuration}, nil
}

// admit returns the name of the thing that the parameters are of. Under p.mu.
func (p *provisioner) admit(t Template, parameters map[string]string) (string, error) {
	serial := parameters["SerialNumber"]
	thing := t.Prefix + serial
	if serial == "" || certs.CheckName(thing) != nil || p.reserved(thing) {
		return "", refuse(400, "InvalidParameters", "SerialNumber %.100q makes no name of a thing.", serial)
	}
	if t.Allow != nil {
		if err := t.Allow(parameters); err != nil {
			return "", refuse(403, "AccessDenied", "The pre-provisioning hook refuses: %v", err)
		}
	}
	switch known := p.fleet.Has(thing); {
	case known && t.Once:
		return "", refuse(409, "ResourceConflict", "There is a thing %s already.", thing)
	case !known && t.Most > 0 && p.made[t.Name] >= t.Most:
		return "", refuse(403, "AccessDenied", "The template %s makes no more than %d things.", t.Name, t.Most)
	}
	return thing, nil
}

// refusal is an answer in AWS's form.
type refusal struct {
	StatusCode   int    `json:"statusCode"`
	ErrorCode    string `json:"errorCode"`
	ErrorMessage string `json:"errorMessage"`
}

func (r *refusal) Error() string {
	return fmt.Sprintf("%d %s: %s", r.StatusCode, r.ErrorCode, r.ErrorMessage)
}

func refuse(status int, code, format string, args ...any) error {
	return &refusal{status, code, fmt.Sprintf(format, args...)}
}

// refusalOf has what is not the client's fault be the server's.
func refusalOf(err error) *refusal {
	var r *refusal
	if errors.As(err, &r) {
		return r
	}
	return &refusal{500, "InternalServerError", "The server could not do it."}
}
