// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package mqttconn

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/eclipse/paho.golang/packets"
	"github.com/eclipse/paho.golang/paho"
)

var (
	errTakenOver  = errors.New("another client uses this client id: give each broker its own")
	errSuspect    = errors.New("perhaps another client uses this client id, each broker needs its own")
	errUnanswered = errors.New("the server gives no answer")
	errNoShared   = errors.New("the server offers no shared subscriptions: leave the group empty, and run one broker with one connection")
)

// explain adds to an error of dialling or of the first exchange what it means
// for the operator.
func explain(err error) error {
	var (
		verify *tls.CertificateVerificationError
		header tls.RecordHeaderError
	)
	switch {
	case errors.As(err, &verify):
		return explainServerCertificate(verify)
	case errors.As(err, &header):
		return fmt.Errorf("there is no TLS at this port: %w", err)
	case isAlert(err) && strings.Contains(err.Error(), "no application protocol"):
		return fmt.Errorf("the server wants another ALPN than we ask for: %w", err)
	case isAlert(err):
		return fmt.Errorf("the server refuses our certificate: %w", err)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("the server does not answer: %w", err)
	case errors.Is(err, io.EOF):
		return fmt.Errorf("the server closed the connection without an answer to CONNECT; its policy may not allow this client id, or it may not speak MQTT 5: %w", err)
	}
	return err
}

// isAlert tells whether the server ended TLS and said why. With TLS 1.3 that is
// how a client learns that its certificate was refused, after the handshake.
func isAlert(err error) bool {
	var network *net.OpError
	return errors.As(err, &network) && network.Op == "remote error"
}

func explainServerCertificate(err *tls.CertificateVerificationError) error {
	var (
		unknown x509.UnknownAuthorityError
		host    x509.HostnameError
		invalid x509.CertificateInvalidError
	)
	switch {
	case errors.As(err, &unknown):
		return fmt.Errorf("the server's certificate was not signed by our CA: %w", err)
	case errors.As(err, &host):
		return fmt.Errorf("the server's certificate is for another host: %w", err)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return fmt.Errorf("the server's certificate is not valid now, at %s: %w", time.Now().UTC().Format(time.RFC3339), err)
	}
	return fmt.Errorf("the server's certificate is not acceptable: %w", err)
}

// connackError says why the server refused the connection.
func connackError(ack *paho.Connack, clientID string) error {
	text := ""
	switch ack.ReasonCode {
	case packets.ConnackUnsupportedProtocolVersion:
		text = "it does not speak MQTT 5"
	case packets.ConnackInvalidClientID:
		text = fmt.Sprintf("it does not like the client id %q", clientID)
	case packets.ConnackBadUsernameOrPassword:
		text = "it finds no acceptable name in our certificate"
	case packets.ConnackNotAuthorized:
		text = fmt.Sprintf("its policy or ACL does not let this certificate connect as client id %q", clientID)
	case packets.ConnackServerUnavailable, packets.ConnackServerBusy:
		text = "it is busy"
	case packets.ConnackBanned:
		text = "it has banned us"
	case packets.ConnackQuotaExceeded, packets.ConnackConnectionRateExceeded:
		text = "a quota is exceeded"
	case packets.ConnackUseAnotherServer, packets.ConnackServerMoved:
		text = "another server is to be used"
	}
	said := ""
	if ack.Properties != nil {
		said = ack.Properties.ReasonString
	}
	return refusal("the server refuses the connection", ack.ReasonCode, text, said)
}

// subackError says why the server refused a subscription.
func subackError(filter string, ack *paho.Suback) error {
	code, said := ack.Reasons[0], ""
	if ack.Properties != nil {
		said = ack.Properties.ReasonString
	}
	text := ""
	switch code {
	case packets.SubackNotauthorized:
		text = "its policy or ACL must allow us this filter"
	case packets.SubackTopicFilterinvalid:
		text = "it finds the filter invalid"
	case packets.SubackQuotaexceeded:
		text = "a quota is exceeded"
	case packets.SubackSharedSubscriptionnotsupported:
		text = errNoShared.Error()
	case packets.SubackWildcardsubscriptionsnotsupported:
		text = "it offers no wildcards"
	}
	return refusal(fmt.Sprintf("the server refuses the subscription %q", filter), code, text, said)
}

// disconnectError says why the server ended the connection.
func disconnectError(d *packets.Disconnect) error {
	if d.ReasonCode == packets.DisconnectSessionTakenOver {
		return errTakenOver
	}
	said := ""
	if d.Properties != nil {
		said = d.Properties.ReasonString
	}
	name, _, _ := strings.Cut(d.Reason(), " - ")
	return refusal("the server ended the connection", d.ReasonCode, name, said)
}

func refusal(what string, code byte, text, said string) error {
	if text != "" {
		what += ": " + text
	}
	if said != "" {
		return fmt.Errorf("%s (code 0x%02x, it says %q)", what, code, said)
	}
	return fmt.Errorf("%s (code 0x%02x)", what, code)
}
