// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// http compares with the usual URL-signing service: for each core that is busy,
// how many grants come out of it. Its HTTP is plain, ours is TLS and MQTT.
func (b *bench) http(ctx context.Context) error {
	gunicorn, err := exec.LookPath("gunicorn")
	if err == nil {
		err = exec.CommandContext(ctx, "python3", "-c", "import flask, boto3").Run()
	}
	if err != nil {
		fmt.Println("\nFlask, boto3 and gunicorn are not here, so they are not compared with: .ci/setup bench")
		return nil
	}
	if err := b.lab.write("service.py", string(flaskService)); err != nil {
		return err
	}
	ours := product("thingpass", b.thingpass)
	medians, err := b.inTurns([]string{"thingpass", "gunicorn"}, func(name string) (sample, error) {
		if name == "thingpass" {
			return b.turn(ctx, ours, askOne())
		}
		return b.gunicornTurn(ctx, gunicorn)
	})
	if err != nil {
		return err
	}
	b.print("Flask and boto3 under gunicorn, plain HTTP with keep-alive, the same grant", medians)
	b.atLeast("grants for each second of CPU, of Flask's and boto3's", float64(medians["gunicorn"].cpu)/float64(medians["thingpass"].cpu), 15)
	return nil
}

func (b *bench) gunicornTurn(ctx context.Context, gunicorn string) (sample, error) {
	port, err := freePort()
	if err != nil {
		return sample{}, err
	}
	address := "127.0.0.1:" + port
	c, err := start(ctx, b.lab.path("gunicorn.log"), "Listening at", gunicorn, "--chdir", b.lab.dir, "--bind", address,
		"--worker-class", "gthread", "--workers", "2", "--threads", "8", "--keep-alive", "60", "service:app")
	if err != nil {
		return sample{}, err
	}
	defer c.stop()
	l := httpLoad{address: address}
	if err := l.connect(16); err != nil {
		return sample{}, err
	}
	defer l.close()
	l.start()
	for deadline := time.Now().Add(30 * time.Second); l.granted.Load() < 100 && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond) // its workers import boto3 first
	}
	from, n, began := c.usage(), l.granted.Load(), time.Now()
	time.Sleep(b.measure)
	to, granted, elapsed := c.usage(), l.granted.Load()-n, time.Since(began)
	if err := l.stop(); err != nil || granted == 0 {
		return sample{}, fmt.Errorf("gunicorn: %d grants, %w\n%s", granted, err, c.said())
	}
	return sample{perSecond: float64(granted) / elapsed.Seconds(), cpu: (to.cpu - from.cpu) / time.Duration(granted), rss: to.rss}, nil
}

// httpLoad asks over some connections that are kept, each as fast as it is
// answered.
type httpLoad struct {
	address string
	conns   []net.Conn
	granted atomic.Int64
	stopped atomic.Bool
	failed  atomic.Pointer[error]
	askers  sync.WaitGroup
}

func (l *httpLoad) connect(n int) error {
	for deadline := time.Now().Add(10 * time.Second); len(l.conns) < n; {
		conn, err := net.Dial("tcp", l.address)
		switch {
		case err == nil:
			l.conns = append(l.conns, conn)
		case time.Now().After(deadline):
			return err
		default:
			time.Sleep(10 * time.Millisecond)
		}
	}
	return nil
}

func (l *httpLoad) close() {
	for _, c := range l.conns {
		_ = c.Close()
	}
}

func (l *httpLoad) start() {
	for i, conn := range l.conns {
		l.askers.Go(func() {
			body := `{"id":"0123456789abcdef0123` + onePhoto
			request := []byte("POST /upload-request/cam" + strconv.Itoa(i) + " HTTP/1.1\r\nHost: " + l.address +
				"\r\nContent-Type: application/json\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body)
			in := bufio.NewReader(conn)
			for !l.stopped.Load() {
				if err := l.ask(conn, in, request); err != nil {
					l.failed.CompareAndSwap(nil, &err)
					return
				}
				l.granted.Add(1)
			}
		})
	}
}

func (l *httpLoad) ask(conn net.Conn, in *bufio.Reader, request []byte) error {
	if _, err := conn.Write(request); err != nil {
		return err
	}
	answer, err := http.ReadResponse(in, nil)
	if err != nil {
		return err
	}
	text, err := io.ReadAll(answer.Body)
	if err == nil && (answer.StatusCode != http.StatusOK || !bytes.Contains(text, []byte(`"status":"success"`))) {
		err = errors.New(string(text))
	}
	return err
}

func (l *httpLoad) stop() error {
	l.stopped.Store(true)
	l.askers.Wait()
	if err := l.failed.Load(); err != nil {
		return *err
	}
	return nil
}
