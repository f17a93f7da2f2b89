// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package policies

import "net/netip"

// Publish decides whether a message may be published to a topic: iot:Publish,
// and if it is to be retained, iot:RetainPublish as well
// (retained-message-policy-examples). A will is published likewise.
func (s *Session) Publish(topic string, retain bool) Result {
	r := s.ask("iot:Publish", "topic/", topic)
	if r.Allowed() && retain {
		return s.ask("iot:RetainPublish", "topic/", topic)
	}
	return r
}

// Subscribe decides on a topic filter as the client sent it, "$share/…" and
// wildcards included.
func (s *Session) Subscribe(filter string) Result {
	return s.ask("iot:Subscribe", "topicfilter/", filter)
}

// Receive decides whether a message may be delivered.
func (s *Session) Receive(topic string) Result { return s.ask("iot:Receive", "topic/", topic) }

// AssumeRole decides whether the credential provider may be asked with a role
// alias.
func (s *Session) AssumeRole(alias string) Result {
	return s.ask("iot:AssumeRoleWithCertificate", "rolealias/", alias)
}

func (s *Session) connect(clientID string) Result { return s.ask("iot:Connect", "client/", clientID) }

func (s *Session) ask(action, kind, name string) Result {
	var buffer [512]byte
	arn := append(append(append(buffer[:0], s.prefix...), kind...), name...)
	return s.decide(action, arn)
}

// A ConnectRequest is what a CONNECT says.
type ConnectRequest struct {
	ClientID   string
	Persistent bool   // Clean Session is 0 (MQTT 3.1.1), the session outlives the connection (MQTT 5)
	WillTopic  string // "": no will
	SourceIP   netip.Addr
}

// Connect decides whether a principal may connect, and returns the session of
// that connection, whatever the decision. Whether the will may be published is
// for the caller to ask; AWS does not document when it does.
func (s *Set) Connect(at Place, who Principal, r ConnectRequest) (*Session, Result) {
	session := s.Session(at, who.Context(r.ClientID, r.SourceIP))
	return session, s.Session(at, r.context(at, session.ctx)).connect(r.ClientID)
}

// context adds the keys that iot:Connect alone has (connect-policy).
func (r ConnectRequest) context(at Place, ctx Context) Context {
	ctx = ctx.Clone()
	attributes := []string{}
	if r.Persistent {
		attributes = append(attributes, "PersistentConnect")
	}
	if r.WillTopic != "" {
		attributes = append(attributes, "LastWill")
		ctx.Set("iot:LastWillTopic", at.ARN("topic/"+r.WillTopic))
	}
	ctx.Set("iot:ConnectAttributes", attributes...)
	return ctx
}
