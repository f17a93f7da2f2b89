// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package devstack

import (
	"context"
	"net"
	"strconv"

	"thingpass/certs"
)

func (s *Stack) startMQTT(ctx context.Context, o *Options, h hosts, d *certs.Dir, server certs.Identity) (err error) {
	options := MQTTOptions{
		Listen:      net.JoinHostPort(h.listen, strconv.Itoa(o.MQTTPort)),
		Certificate: server.TLSCertificate(),
		ClientCAs:   d.CA().Pool(),
		Registry:    s.registry,
		Root:        o.Root,
		Strict:      o.Strict,
		Log:         o.Log,
	}
	if len(o.Templates) > 0 {
		if options.Provisioning, err = s.openClaims(o, d); err != nil {
			return err
		}
	}
	if o.WebSocket {
		key, err := LoadAccessKey(o.keyFile())
		if err != nil {
			return err
		}
		options.WebSocket = &WebSocketOptions{Listen: net.JoinHostPort(h.listen, strconv.Itoa(o.WebPort)), Key: key, Region: o.Region, Service: s.value("broker")}
	}
	if s.MQTT, err = StartMQTT(ctx, options); err != nil {
		return err
	}
	s.ready.MQTT = &ReadyMQTT{Host: h.public, Port: portOf(s.MQTT.Addr()), Root: o.Root, Group: s.value("group"), Registry: s.registryFile(), Strict: o.Strict != nil}
	s.ready.MQTT.Server = "mqtts://" + s.ready.MQTT.Address()
	s.watchRegistry(o.Log)
	if o.WebSocket {
		s.ready.MQTT.WebSocket = "wss://" + net.JoinHostPort(h.public, strconv.Itoa(portOf(s.MQTT.WebAddr()))) + "/mqtt"
	}
	return nil
}

// openClaims makes the claim's certificate, if need be.
func (s *Stack) openClaims(o *Options, d *certs.Dir) (*Provisioning, error) {
	key, err := signerOf(d)
	if err != nil {
		return nil, err
	}
	files, err := service(d, DefaultClaim)
	if err != nil {
		return nil, err
	}
	s.ready.Claim = &ReadyClaim{Files: files}
	for _, t := range o.Templates {
		s.ready.Claim.Templates = append(s.ready.Claim.Templates, t.Name)
	}
	return &Provisioning{CA: d.CA().Certificate(), Key: key, Templates: o.Templates}, nil
}
