// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package quota

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	_ "embed"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/redis/go-redis/v9/maintnotifications"

	"thingpass/broker"
)

// DefaultTimeout is how long a decision waits for Redis, connecting included.
const DefaultTimeout = 250 * time.Millisecond

// What happens to requests while Redis cannot be asked.
const (
	Refuse = "refuse" // they are told `unavailable`
	Allow  = "allow"  // they are not counted
)

// Config says where a Redis is. URL is required.
type Config struct {
	URL       string         // redis://user:password@host:port/db, or rediss:// for TLS
	RootCAs   *x509.CertPool // that judge the certificate of rediss://; nil: the system's
	Prefix    string         // of all keys, "thingpass:" if empty
	OnFailure string         // Refuse, which is the default, or Allow
	Timeout   time.Duration  // DefaultTimeout if 0
	Log       *slog.Logger   // nil: silence
}

// Redis counts in a Redis that brokers share. A decision is one round trip: a
// script that Redis runs as a whole, so that two brokers never both let in the
// last one. It is safe for concurrent use.
//
// A Redis that fails is left alone for a second, so that it delays one request in
// a second and not each; whether the others are refused or allowed meanwhile is
// Config's choice. The log has a line when it begins and one when it ends.
type Redis struct {
	client  *redis.Client
	script  *redis.Script
	prefix  string
	timeout time.Duration
	circuit *circuit
}

//go:embed take.lua
var takeScript string

// NewRedis returns the store of c. It does no I/O yet.
func NewRedis(c Config) (*Redis, error) {
	options, err := parseURL(c.URL)
	if err != nil {
		return nil, err
	}
	r := &Redis{script: redis.NewScript(takeScript), prefix: c.Prefix, timeout: c.Timeout, circuit: newCircuit(c.Log, options.Addr)}
	if r.prefix == "" {
		r.prefix = "thingpass:"
	}
	if r.timeout == 0 {
		r.timeout = DefaultTimeout
	}
	if err := r.OnFailure(c.OnFailure); err != nil {
		return nil, err
	}
	if options.TLSConfig != nil {
		options.TLSConfig.RootCAs = c.RootCAs
	}
	logging.Disable() // the circuit says it once, and in our log
	r.client = redis.NewClient(r.bounded(options))
	return r, nil
}

// bounded sees to it that nothing takes longer than the timeout, and that a
// connection costs one round trip and few bytes.
func (r *Redis) bounded(o *redis.Options) *redis.Options {
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = r.timeout, r.timeout, r.timeout, r.timeout
	o.ContextTimeoutEnabled = true
	o.DialerRetries = 1
	o.MaxRetries, o.MinRetryBackoff, o.MaxRetryBackoff = 1, -1, -1 // once, for connections that died while they were idle
	o.PoolSize, o.MaxActiveConns, o.PipelinePoolSize = 16, 16, -1
	o.ReadBufferSize, o.WriteBufferSize = 4096, 4096
	o.Protocol, o.DisableIdentity = 2, true
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return o
}

var _ broker.Quota = (*Redis)(nil)

// OnFailure sets what happens to requests from now on while Redis cannot be asked:
// Refuse, also if empty, or Allow.
func (r *Redis) OnFailure(policy string) error {
	switch policy {
	case "", Refuse:
		r.circuit.allow.Store(false)
	case Allow:
		r.circuit.allow.Store(true)
	default:
		return fmt.Errorf("on_failure is %q: want %s or %s", policy, Refuse, Allow)
	}
	return nil
}

// Failures is how many decisions were taken without Redis.
func (r *Redis) Failures() int64 { return r.circuit.failures.Load() }

// Close gives the connections back. What is being asked fails.
func (r *Redis) Close() error { return r.client.Close() }

// Take asks Redis about a charge. The error wraps ErrAway.
func (r *Redis) Take(ctx context.Context, c broker.Charge) (refusals int64, err error) {
	if !r.circuit.enter() {
		return 0, r.circuit.decide(nil)
	}
	asking, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	refusals, err = r.script.Run(asking, r.client, r.keys(c), arguments(c)...).Int64()
	if err == nil && refusals < 0 {
		err = fmt.Errorf("it answers %d", refusals)
	}
	if err != nil && ctx.Err() != nil {
		return 0, fmt.Errorf("%w: %w", ErrAway, ctx.Err()) // the request has ended: that says nothing about Redis
	}
	r.circuit.leave(err)
	if err != nil {
		return 0, r.circuit.decide(err)
	}
	return refusals, nil
}

// Probe finds out whether Redis can be reached and may run scripts on our keys. It
// stores nothing.
func (r *Redis) Probe(ctx context.Context) error {
	const harmless = "return redis.call('EXISTS', KEYS[1])"
	ctx, cancel := context.WithTimeout(ctx, 8*r.timeout)
	defer cancel()
	n, err := r.client.Eval(ctx, harmless, []string{r.prefix + "{thingpass}:probe"}).Int64()
	if err == nil && n != 0 && n != 1 {
		err = errors.New("it answers nonsense: is it a Redis?")
	}
	return explain(err)
}

// keys names the window's count and the objects that are remembered. What is in
// braces keeps those of one thing together in a cluster.
func (r *Redis) keys(c broker.Charge) []string {
	unit := "b"
	if c.Unit == broker.Requests {
		unit = "r"
	}
	window, _ := c.Unit.Window(c.Now)
	of := r.prefix + "{" + c.Thing + "}:" + c.Kind + ":"
	return []string{of + unit + ":" + strconv.FormatInt(window, 10), of + "objects"}
}

func arguments(c broker.Charge) []any {
	spent, mark := 0, ""
	if c.Spent {
		spent = 1
	}
	if c.Key != "" {
		// Brokers must agree, so the hash has no secret: it has to be one for
		// which nobody finds two keys that are taken for each other.
		sum := sha256.Sum256(append(strconv.AppendInt(nil, c.Amount, 10), " "+c.Key...))
		mark = string(sum[:16])
	}
	life := 2 * time.Minute
	if c.Unit == broker.Bytes {
		life = 49 * time.Hour // a clock that is set back within a day finds the count again
	}
	return []any{c.Limit, c.Amount, spent, int64(life / time.Second), mark, c.Now.Unix(),
		int64(broker.Remembered / time.Second), broker.RememberedObjects}
}
