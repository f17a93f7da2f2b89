// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"
)

// newFarProxy stands before a server that is a round trip away: bytes take half
// of it each way, and TCP's handshake, which a proxy on this machine does not
// have, is added before the first of them. near tells by a client's first bytes
// that it is not far away; it may be nil.
func newFarProxy(tb testing.TB, target string, roundTrip time.Duration, near func([]byte) bool) (address string) {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go far(client, target, roundTrip, near)
		}
	}()
	return listener.Addr().String()
}

func far(client net.Conn, target string, roundTrip time.Duration, near func([]byte) bool) {
	defer func() { _ = client.Close() }()
	connected := time.Now().Add(roundTrip)
	hello := make([]byte, 4096)
	n, err := client.Read(hello)
	if err != nil {
		return
	}
	hello = hello[:n]
	if near != nil && near(hello) {
		connected, roundTrip = time.Time{}, 0
	}
	server, err := net.Dial("tcp", target)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	go delay(client, server, time.Time{}, roundTrip/2)
	delay(server, io.MultiReader(bytes.NewReader(hello), client), connected, roundTrip/2)
}

// delay copies what comes from from, each piece so much later, and none before
// that after notBefore. When from ends it closes to.
func delay(to io.WriteCloser, from io.Reader, notBefore time.Time, by time.Duration) {
	type piece struct {
		bytes []byte
		due   time.Time
	}
	way := make(chan piece, 1024) // as much as a large TCP window
	go func() {
		defer close(way)
		for {
			buffer := make([]byte, 16<<10)
			n, err := from.Read(buffer)
			due := time.Now()
			if due.Before(notBefore) {
				due = notBefore
			}
			way <- piece{buffer[:n], due.Add(by)}
			if err != nil {
				return
			}
		}
	}()
	for p := range way {
		time.Sleep(time.Until(p.due))
		if _, err := to.Write(p.bytes); err != nil {
			break
		}
	}
	_ = to.Close()
	for range way { // its writer must not wait for ever
	}
}

// isOurBroker tells the broker's connections from a thing's: it offers TLS 1.3
// besides 1.2, and mbedTLS does not. The broker is in the cloud, where S3 is near.
func isOurBroker(hello []byte) bool { return bytes.Contains(hello, []byte{3, 4, 3, 3}) }

// farClock answers SNTP, a round trip away.
func farClock(tb testing.TB, roundTrip time.Duration) (port string) {
	tb.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = conn.Close() })
	go func() {
		packet := make([]byte, 48)
		for {
			_, who, err := conn.ReadFrom(packet)
			if err != nil {
				return
			}
			time.AfterFunc(roundTrip, func() { _, _ = conn.WriteTo(sntp(time.Now()), who) })
		}
	}()
	_, port, err = net.SplitHostPort(conn.LocalAddr().String())
	if err != nil {
		tb.Fatal(err)
	}
	return port
}

// sntp is a server's answer (RFC 4330): version 3, stratum 1, and the time.
func sntp(now time.Time) []byte {
	const since1900 = 2208988800
	answer := make([]byte, 48)
	answer[0], answer[1] = 0x1c, 1
	seconds := uint32(now.Unix() + since1900)
	for i := range 4 {
		answer[40+i] = byte(seconds >> (24 - 8*i))
	}
	return answer
}

func TestAFarServerIsAsFarAsItShouldBe(t *testing.T) {
	t.Parallel()
	const roundTrip = 60 * time.Millisecond
	echo, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = echo.Close() }()
	go func() {
		for {
			conn, err := echo.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(conn, conn); _ = conn.Close() }()
		}
	}()
	address := newFarProxy(t, echo.Addr().String(), roundTrip, func(hello []byte) bool { return hello[0] == 'n' })
	for first, trips := range map[string]int{"far": 2, "near": 0} { // TCP and the first answer
		began := time.Now()
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if _, err := conn.Write([]byte(first)); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(conn, make([]byte, len(first))); err != nil {
				t.Fatal(err)
			}
			if took, least := time.Since(began), time.Duration(trips)*roundTrip; took < least || took > least+30*roundTrip {
				t.Errorf("%s: an answer after %v, want %v", first, took, least)
			}
			if first == "far" {
				trips++
			}
		}
		_ = conn.(*net.TCPConn).CloseWrite()
		if _, err := conn.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("%s: the end: %v", first, err)
		}
		_ = conn.Close()
	}
}
