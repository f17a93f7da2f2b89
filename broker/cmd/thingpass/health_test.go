// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func thingpassHealth(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, complaints bytes.Buffer
	code = run(t.Context(), append([]string{"health"}, args...), &out, &complaints)
	return out.String(), complaints.String(), code
}

func TestHealthSaysWhatTheBrokerSays(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, `{"ready":false}`)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	address := strings.TrimPrefix(server.URL, "http://")
	if out, complaints, code := thingpassHealth(t, "--address", address, "--alive"); code != exitOK || out != "ok\n" || complaints != "" {
		t.Errorf("alive: code %d: %s%s", code, out, complaints)
	}
	port := address[strings.LastIndexByte(address, ':'):]
	for _, where := range []string{address, "0.0.0.0" + port} {
		out, complaints, code := thingpassHealth(t, "--address", where)
		if code != exitFailure || out != `{"ready":false}`+"\n" || !strings.Contains(complaints, "503") {
			t.Errorf("%s: code %d: %s%s", where, code, out, complaints)
		}
	}
	server.Close()
	if _, complaints, code := thingpassHealth(t, "--address", address); code != exitFailure || !strings.Contains(complaints, "refused") {
		t.Errorf("nobody is there: code %d: %s", code, complaints)
	}
}

func TestHealthNeedsAnAddress(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "broker.yaml")
	text := "mqtt: {server: 'mqtts://127.0.0.1:8883', cert: a.crt, key: a.key}\ns3: {region: eu-central-1, bucket: photos}\n" +
		"kinds: {photo: {types: [image/jpeg], max_size: 1MiB}}\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, args := range map[string][]string{
		"http.listen is off":       {"--config", path},
		"want a host and a port":   {"--address", "localhost"},
		"no such file":             {"--config", path + ".not"},
		`unknown command "please"`: {"please"},
	} {
		if _, complaints, code := thingpassHealth(t, args...); code != exitUsage || !strings.Contains(complaints, want) {
			t.Errorf("%v: code %d: %s", args, code, complaints)
		}
	}
}
