// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// A sim is a thing of a large fleet: MQTT 3.1.1 over mutual TLS, as little of it
// as it takes to ask again and again, in two goroutines and some kilobytes.
type sim struct {
	name    string
	conn    net.Conn
	replies chan grant

	mu sync.Mutex // of writing
}

// packet is an MQTT packet of any length.
func packet(first byte, parts ...[]byte) []byte {
	body := bytes.Join(parts, nil)
	head := binary.AppendUvarint([]byte{first}, uint64(len(body)))
	return append(head, body...)
}

func text(s string) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(s))), s...)
}

// dialSim connects and subscribes.
func dialSim(address, name string, conf *tls.Config) (*sim, error) {
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: patience}, "tcp", address, conf)
	if err != nil {
		return nil, err
	}
	s := &sim{name: name, conn: conn, replies: make(chan grant, 16)}
	in := bufio.NewReaderSize(conn, 2048)
	_ = conn.SetDeadline(time.Now().Add(patience))
	s.write(packet(0x10, text("MQTT"), []byte{4, 2, 1, 44}, text(name))) // clean session, keep-alive 300 s
	s.write(packet(0x82, []byte{0, 1}, text("thingpass/"+name+"/response"), []byte{1}))
	for _, want := range []byte{0x20, 0x90} { // CONNACK, SUBACK
		first, body, err := readPacket(in)
		if err != nil || first != want || len(body) < 2 {
			_ = conn.Close()
			return nil, fmt.Errorf("%s: got packet %x %x, %v", name, first, body, err)
		}
	}
	_ = conn.SetDeadline(time.Time{})
	go s.read(in)
	return s, nil
}

func readPacket(in *bufio.Reader) (first byte, body []byte, err error) {
	if first, err = in.ReadByte(); err != nil {
		return 0, nil, err
	}
	length, err := binary.ReadUvarint(in)
	if err != nil {
		return 0, nil, err
	}
	body = make([]byte, length)
	_, err = io.ReadFull(in, body)
	return first, body, err
}

func (s *sim) write(p []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, _ = s.conn.Write(p) // if it fails, so does reading
}

// read acknowledges replies and passes them on, until the connection ends.
func (s *sim) read(in *bufio.Reader) {
	defer close(s.replies)
	for {
		first, body, err := readPacket(in)
		if err != nil {
			return
		}
		if first&0xf0 != 0x30 {
			continue // PUBACK
		}
		rest := body[2+binary.BigEndian.Uint16(body):]
		if first&0x06 != 0 {
			s.write(packet(0x40, rest[:2]))
			rest = rest[2:]
		}
		var g grant
		if err := json.Unmarshal(rest, &g); err != nil {
			g.Error = fmt.Sprintf("reply %q: %v", rest, err)
		}
		s.replies <- g
	}
}

// tallies of one sim, for the log and the judgement.
type simTally struct {
	answers, retries, busy, twice int
	slowest                       time.Duration
	fault                         error
}

// insist asks for the grants r0 … as PROTOCOL.md says a thing does [P-9.1]: again
// with the same id after 5 s, then with doubled waits and jitter.
func (s *sim) insist(requests int, answered func()) (t simTally) {
	for i := range requests {
		id, began := fmt.Sprint("r", i), time.Now()
		for wait := 5 * time.Second; ; wait = min(2*wait, time.Minute) {
			s.ask(id)
			got, err := s.await(id, wait+rand.N(wait/4), &t)
			switch {
			case err != nil:
				t.fault = err
				return t
			case got == statusAnswered:
				t.answers++
				t.slowest = max(t.slowest, time.Since(began))
				answered()
			case got == statusBusy:
				t.busy++
				time.Sleep(2*time.Second + rand.N(time.Second)) // retryAfter, and jitter
				continue
			default:
				t.retries++
				continue
			}
			break
		}
	}
	return t
}

func (s *sim) ask(id string) {
	request := fmt.Sprintf(`{"id":%q,"kind":"photo","size":100,"capturedAt":1795424398}`, id)
	s.write(packet(0x32, text("thingpass/"+s.name+"/upload-request"), []byte{0, 7}, []byte(request)))
}

const (
	statusSilence = iota
	statusAnswered
	statusBusy
)

// await reads replies until the one for id. Every reply, also one that comes late
// or twice, must grant the key of its id.
func (s *sim) await(id string, wait time.Duration, t *simTally) (status int, err error) {
	timeout := time.NewTimer(wait)
	defer timeout.Stop()
	for {
		select {
		case g, open := <-s.replies:
			switch {
			case !open:
				return 0, fmt.Errorf("%s: the connection was lost", s.name)
			case g.Code == "busy":
				if g.ID == id {
					return statusBusy, nil
				}
			case g.Status != "success" || g.ObjectKey != s.name+"/photo/2026/11/23/"+g.ID+".jpg":
				return 0, fmt.Errorf("%s, %s: %+v", s.name, id, g)
			case g.ID == id:
				return statusAnswered, nil
			default:
				t.twice++
			}
		case <-timeout.C:
			return statusSilence, nil
		}
	}
}
