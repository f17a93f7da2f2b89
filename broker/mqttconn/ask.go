// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package mqttconn

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/eclipse/paho.golang/paho"

	"thingpass/broker"
)

// ErrRefused means that the server does not let us publish what was to be asked,
// or receive the answers.
var ErrRefused = errors.New("refused by the server")

// Name is the common name of the certificate that conf connects with: the thing
// name that a server of the kind of Mosquitto knows us by. Without a certificate,
// over WebSocket, it is the client id.
func Name(conf Config) (string, error) {
	if conf.endpoint().web {
		return conf.ClientID, nil
	}
	if err := conf.checkTLS(); err != nil {
		return "", err
	}
	own, err := clientCertificate(conf.TLS)
	if err != nil {
		return "", err
	}
	if own.Leaf == nil {
		return "", errors.New("our certificate is not parsed")
	}
	return own.Leaf.Subject.CommonName, nil
}

// Ask publishes requests as any thing does, and counts the answers that come on
// the topic answers until ctx ends: as many as were asked, if the brokers' group
// is whole. It uses a connection and a client id of its own and is in no group.
//
// The error wraps ErrRefused where the server's policy does not allow it.
func Ask(ctx context.Context, conf Config, requests []broker.Message, answers string) (answered int, err error) {
	conf = conf.withDefaults()
	socket, err := dial(ctx, conf)
	if err != nil {
		return 0, err
	}
	w := newWire(socket)
	a := &asking{pending: make(map[string]bool, len(requests)), heard: make(chan string, len(requests))}
	c := paho.NewClient(paho.ClientConfig{Conn: w, PacketTimeout: conf.ConnectTimeout,
		OnPublishReceived: []func(paho.PublishReceived) (bool, error){a.receive}})
	defer w.fail(context.Canceled)
	if _, err := c.Connect(ctx, visitPacket(conf)); err != nil {
		return 0, explain(err)
	}
	defer func() { _ = c.Disconnect(&paho.Disconnect{}) }()
	if err := subscribe(ctx, c, answers); err != nil {
		return 0, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	if err := a.publish(ctx, c, requests); err != nil {
		return 0, err
	}
	return a.count(ctx, c)
}

// asking is one Ask. Answers are told by the Correlation Data, which a broker
// echoes [P-2.3].
type asking struct {
	pending map[string]bool
	heard   chan string
}

func (a *asking) receive(r paho.PublishReceived) (bool, error) {
	if p := r.Packet.Properties; p != nil {
		select {
		case a.heard <- string(p.CorrelationData):
		default: // more than were asked for: not ours
		}
	}
	return true, nil
}

func (a *asking) publish(ctx context.Context, c *paho.Client, requests []broker.Message) error {
	for _, m := range requests {
		mark := rand.Text()
		a.pending[mark] = true
		ack, err := c.Publish(ctx, &paho.Publish{QoS: 1, Topic: m.Topic, Payload: m.Payload,
			Properties: &paho.PublishProperties{ContentType: contentType, CorrelationData: []byte(mark)}})
		switch {
		case ack != nil && ack.ReasonCode >= 0x80:
			return fmt.Errorf("%w: publish to %s: %s", ErrRefused, m.Topic, pubackWords(ack.ReasonCode))
		case err != nil && ctx.Err() == nil: // AWS closes the connection instead of saying no
			return fmt.Errorf("%w: publish to %s: %w", ErrRefused, m.Topic, err)
		case err != nil:
			return err
		}
	}
	return nil
}

func (a *asking) count(ctx context.Context, c *paho.Client) (answered int, err error) {
	for len(a.pending) > 0 {
		select {
		case mark := <-a.heard:
			if a.pending[mark] {
				delete(a.pending, mark)
				answered++
			}
		case <-c.Done():
			return answered, errors.New("the connection was lost while waiting for answers")
		case <-ctx.Done():
			return answered, nil
		}
	}
	return answered, nil
}
