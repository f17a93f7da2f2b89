// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package mqttconn

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/coder/websocket"
)

// A transport is a connection that MQTT can be spoken over.
type transport struct {
	net.Conn
	tcp net.Conn // what is below everything
	tls tls.ConnectionState
}

// dial connects, but for CONNECT.
func dial(ctx context.Context, conf Config) (*transport, error) {
	e, err := parseServer(conf.Server)
	if err != nil {
		return nil, err
	}
	if e.web {
		return dialWeb(ctx, conf, e)
	}
	secure, err := dialTLS(ctx, conf, e)
	if err != nil {
		return nil, explain(err)
	}
	return &transport{Conn: secure, tcp: secure.NetConn(), tls: secure.ConnectionState()}, nil
}

func dialTLS(ctx context.Context, conf Config, e endpoint) (*tls.Conn, error) {
	secured, err := conf.tlsFor(e)
	if err != nil {
		return nil, err
	}
	d := net.Dialer{KeepAlive: 15 * time.Second}
	socket, err := d.DialContext(ctx, "tcp", e.address())
	if err != nil {
		return nil, err
	}
	secure := tls.Client(readAhead{socket, bufio.NewReaderSize(socket, 16<<10)}, secured)
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = socket.Close()
		return nil, err
	}
	return secure, nil
}

// readAhead reads many records of TLS with one system call: a server that has much
// to say makes one of each packet.
type readAhead struct {
	net.Conn
	in *bufio.Reader
}

func (r readAhead) Read(b []byte) (int, error) { return r.in.Read(b) }

// dialWeb connects over WebSocket. The signed URL must not get into an error.
func dialWeb(ctx context.Context, conf Config, e endpoint) (*transport, error) {
	signed, err := conf.Presign(ctx, e.url())
	if err != nil {
		return nil, fmt.Errorf("sign the URL to connect to: %w", err)
	}
	t := &transport{}
	below := &http.Transport{DialTLSContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		secure, err := dialTLS(ctx, conf, e)
		if err != nil {
			return nil, err // a nil *tls.Conn would be no nil net.Conn
		}
		t.tcp, t.tls = secure.NetConn(), secure.ConnectionState()
		return secure, nil
	}}
	ws, answer, err := websocket.Dial(ctx, signed, &websocket.DialOptions{
		HTTPClient: &http.Client{
			Transport:     below,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		Subprotocols: []string{subprotocol},
	})
	if err != nil {
		below.CloseIdleConnections()
		return nil, upgradeError(answer, err)
	}
	if ws.Subprotocol() != subprotocol {
		_ = ws.CloseNow()
		return nil, errors.New("the server does not speak MQTT over this WebSocket")
	}
	ws.SetReadLimit(-1) // frames are not packets: those have their own limit
	t.Conn = &webConn{websocket.NetConn(context.Background(), ws, websocket.MessageBinary), ws}
	return t, nil
}

const subprotocol = "mqtt"

// webConn ends a WebSocket without waiting for the other side's agreement.
type webConn struct {
	net.Conn
	ws *websocket.Conn
}

func (c *webConn) Close() error {
	impatient := time.AfterFunc(linger, func() { _ = c.ws.CloseNow() })
	defer impatient.Stop()
	return c.Conn.Close()
}

// upgradeError says why there is no WebSocket, without the URL that was tried.
func upgradeError(answer *http.Response, err error) error {
	var tried *url.Error
	switch {
	case errors.As(err, &tried):
		return explain(tried.Err)
	case answer == nil:
		return errors.New("no WebSocket: the URL that was signed is not usable")
	}
	text := ""
	if body, _ := io.ReadAll(io.LimitReader(answer.Body, 200)); len(body) > 0 && !strings.Contains(string(body), "X-Amz-") {
		text = fmt.Sprintf(", it says %q", strings.TrimSpace(string(body)))
	}
	switch answer.StatusCode {
	case http.StatusForbidden, http.StatusUnauthorized:
		return fmt.Errorf("the server refuses our signature (%s%s): the role needs iot:Connect, and this machine's clock and region must be right", answer.Status, text)
	case http.StatusSwitchingProtocols:
		return fmt.Errorf("no WebSocket: %w", err)
	}
	return fmt.Errorf("the server does not open a WebSocket there (%s%s)", answer.Status, text)
}
