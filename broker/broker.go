// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Package broker decides which objects a thing may store, and answers with a
// grant for those objects and no others. PROTOCOL.md is its specification;
// comments cite its clauses as [P-3.2].
//
// The package knows no network, no AWS and no clock of its own: what it needs
// of the world it is given as a Signer, a Store, an Auditor and a function that
// tells the time. It keeps no state between requests, so any number of brokers
// may answer the same things.
package broker

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"
)

// A Message is an MQTT PUBLISH, as far as the protocol uses it.
type Message struct {
	Topic       string
	Payload     []byte
	Correlation []byte // MQTT 5 Correlation Data, nil where there is none [P-2.3]
	QoS         byte
}

// A Signer turns a decision into something that a thing can use.
//
// Everything in Put must be under the signature, Content-Length and Host
// included; the grant must not outlive the credentials that signed it [P-4.3].
// An error means that nothing was granted; the thing is told `unavailable`.
type Signer interface {
	SignPut(ctx context.Context, put Put) (Grant, error)
}

// Put is one object that may be stored.
type Put struct {
	Key         string
	ContentType string
	Size        int64             // exact, in bytes
	SHA256      string            // base64 of 32 bytes, "" where the thing gave none
	Metadata    map[string]string // names without "x-amz-meta-"
	Now         time.Time
	TTL         time.Duration
}

// Grant is leave to store one object until Expires.
type Grant struct {
	URL     string
	Headers map[string]string // to be sent exactly so, besides Host and Content-Length
	Expires time.Time
}

// A Store tells what the bucket holds.
//
// Head returns ErrNotFound for a key that is not there; any other error means
// that nobody knows, and the thing is told `unavailable`.
type Store interface {
	Head(ctx context.Context, key string) (Object, error)
}

// ErrNotFound is returned by a Store for a key that holds no object.
var ErrNotFound = errors.New("no such object")

// Object is what S3 says about a stored object.
type Object struct {
	Size        int64
	ContentType string
	SHA256      string // base64 of 32 bytes, "" where S3 keeps none
	CRC32       string // of the whole object, base64 of 4 bytes, big endian; "" where S3 keeps none
	CRC64NVME   string // likewise, 8 bytes
	ETag        string // as S3 gives it, in quotes
	MD5         string // of the whole object, 32 hexadecimal digits; "" where S3 keeps none
	VersionID   string // "" where the bucket keeps no versions
	Metadata    map[string]string
}

// An Auditor keeps the record of every decision. A grant whose entry cannot be
// recorded is not given.
//
// Record keeps all of the entries or, with an error, none that anybody may rely
// on: the decisions of one request stand or fall together. The slice is the
// broker's again when it returns.
type Auditor interface {
	Record(entries ...Entry) error
}

// Config is all that a Broker is made of. Every field is required but Root, and
// what only a mode needs that no kind offers, or only limits.
type Config struct {
	Root   string // topic prefix, "thingpass" if empty
	Kinds  []Kind
	Groups map[string][]string // of things, for Kind.AllowGroups
	Signer Signer
	Store  Store
	Audit  Auditor
	Now    func() time.Time

	Passes    PassSigner     // for ModePass
	Downloads DownloadSigner // for ModeGet
	Multipart MultipartStore // for ModeMultipart

	Quota  Quota  // required where there are Limits, here or of a kind
	Limits Limits // of each thing

	Credentials *Credentials // nil: things get none [P-14]

	// Commands: things may be told what to do, and say how it went [P-15].
	Commands bool

	// Blocked tells whether an operator has blocked a thing; all its requests are
	// then refused with CodeBlocked. It is asked for each request, at once, and must
	// be safe for concurrent use. nil: none is blocked.
	Blocked func(thing string) bool
}

// A Broker answers requests. It is safe for concurrent use.
type Broker struct {
	root   string
	kinds  map[string]*kind
	signer Signer
	store  Store
	audit  Auditor
	now    func() time.Time
	quota  Quota
	limits Limits

	passes    PassSigner
	downloads DownloadSigner
	groups    map[string][]string // sorted
	reserved  map[string]bool     // see reservedNames

	credentials *Credentials
	multipart   MultipartStore
	isBlocked   func(thing string) bool // nil: none is

	handlers map[string]handler // by the topic's verb
}

// A handler answers the requests of one verb.
type handler func(r *request, ctx context.Context, payload []byte) ([]Message, error)

// New returns a Broker, or an error that names the first setting that makes no
// sense.
func New(c Config) (*Broker, error) {
	root := c.Root
	if root == "" {
		root = DefaultRoot
	}
	if err := CheckRoot(root); err != nil {
		return nil, err
	}
	if c.Signer == nil || c.Store == nil || c.Audit == nil || c.Now == nil {
		return nil, errors.New("a broker needs a signer, a store, an auditor and a clock")
	}
	kinds, err := compileKinds(c.Kinds)
	if err != nil {
		return nil, err
	}
	if err := checkQuota(c); err != nil {
		return nil, err
	}
	b := &Broker{root: root, kinds: kinds, signer: c.Signer, store: c.Store, audit: c.Audit, now: c.Now, quota: c.Quota, limits: c.Limits, passes: c.Passes}
	b.handlers = map[string]handler{
		verbUploadRequest:  (*request).uploadRequest,
		verbUploadComplete: (*request).uploadComplete,
	}
	if b.multipart = c.Multipart; b.offered(ModeMultipart) && c.Multipart == nil {
		return nil, errors.New("a kind offers mode multipart, but there is no store for it")
	}
	if b.offered(ModePass) && c.Passes == nil {
		return nil, errors.New("a kind offers mode pass, but there is nothing that signs passes")
	}
	if err := b.share(c); err != nil {
		return nil, err
	}
	if b.isBlocked = c.Blocked; c.Commands {
		b.handlers[verbCommandResult] = (*request).commandResult
	}
	if err := b.offerCredentials(c.Credentials); err != nil {
		return nil, err
	}
	return b, nil
}

// offerCredentials has the broker answer requests for them, unless c is nil.
func (b *Broker) offerCredentials(c *Credentials) error {
	if c == nil {
		return nil
	}
	if err := c.check(); err != nil {
		return err
	}
	b.credentials = c
	b.handlers[verbCredentialsRequest] = (*request).credentialsRequest
	return nil
}

// offered tells whether any kind is offered in the mode.
func (b *Broker) offered(mode string) bool {
	for _, k := range b.kinds {
		if slices.Contains(k.Modes, mode) {
			return true
		}
	}
	return false
}

// Filters returns the topic filters that a broker subscribes to, without a
// `$share/<group>/` prefix.
func (b *Broker) Filters() []string {
	var filters []string
	for _, verb := range slices.Sorted(maps.Keys(b.handlers)) {
		filters = append(filters, b.root+"/+/"+verb)
	}
	return filters
}

// Handle answers one request: the reply first, then the events that follow from
// it, all to be published in this order.
//
// The topic is the whole of a thing's authority [P-2.1]; there are no messages
// when the topic names no thing [P-2.5]. The error, if any, is the story for the
// operator's log: a refused request has both a reply and an error, except that of
// a flood beyond a quota only the 1st, 10th, 100th … request has an error, and a
// record in the audit.
func (b *Broker) Handle(ctx context.Context, m Message) ([]Message, error) {
	started := b.now()
	t, err := b.parseTopic(m.Topic)
	if err != nil {
		entry := Entry{Time: started, Topic: printable(m.Topic, maxAuditedTopic), Code: CodeIgnored, Reason: err.Error()}
		return nil, errors.Join(err, b.audit.Record(entry))
	}
	r := &request{broker: b, thing: t.thing, now: started, correlation: m.Correlation}
	if err := r.enter(ctx); err != nil {
		return r.refuse(t.verb, "", m.Payload, err)
	}
	return b.handlers[t.verb](r, ctx, m.Payload)
}

// unreserved returns a refusal if shared objects are kept under the thing's name.
func (r *request) unreserved() error {
	if r.broker.reserved[r.thing] {
		return refuse(CodeKeyNotAllowed, "shared objects are kept under this thing's name: give it another one")
	}
	return nil
}

// Busy answers a request with the refusal `busy`, without looking at more of it
// than its id. It costs little, so that a flood can be answered with it.
func (b *Broker) Busy(m Message) ([]Message, error) {
	t, err := b.parseTopic(m.Topic)
	if err != nil {
		return nil, err
	}
	if t.verb == verbCommandResult {
		return nil, nil // it has no answer [P-15.6]
	}
	r := &request{broker: b, thing: t.thing, now: b.now(), correlation: m.Correlation}
	return r.busy(m.Payload)
}
