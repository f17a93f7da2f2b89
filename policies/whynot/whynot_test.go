// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package whynot_test

import (
	"encoding/json"
	"strings"
	"testing"

	"thingpass/policies/registry"
	"thingpass/policies/whynot"
)

const (
	cam1      = "5f2c1d0a9b8e7f6c5d4e3f2a1b0c9d8e7f6a5b4c3d2e1f0a9b8c7d6e5f4a3b2c"
	revoked   = "aaaa1d0a9b8e7f6c5d4e3f2a1b0c9d8e7f6a5b4c3d2e1f0a9b8c7d6e5f4a3b2c"
	unknown   = "ffff1d0a9b8e7f6c5d4e3f2a1b0c9d8e7f6a5b4c3d2e1f0a9b8c7d6e5f4a3b2c"
	registry1 = `account: "123456789012"
region: eu-central-1
policies: {thing: {builtin: thing}, broker: {builtin: broker}}
groups: {g: {policies: [thing]}}
things:
  cam1: {groups: [g]}
  cam2: {groups: [g]}
certificates:
  - {id: ` + cam1 + `, things: [cam1]}
  - {id: ` + revoked + `, things: [cam2], status: REVOKED}
  - {commonName: thingpass-broker, policies: [broker]}
`
)

func finder(tb testing.TB) whynot.Finder {
	tb.Helper()
	r, err := registry.Parse("registry.yaml", []byte(registry1))
	if err != nil {
		tb.Fatal(err)
	}
	return whynot.InRegistry(r, "registry.yaml")
}

// failure is an entry of CloudWatch Logs, as cwl-format has it.
func failure(kind, client, principal, more string) string {
	return `{"timestamp": "2026-11-26 02:00:00.476", "logLevel": "ERROR", "traceId": "20b23f3f-d7f1-feae-169f-82263394fbdb", "accountId": "123456789012",
  "status": "Failure", "eventType": "` + kind + `", "protocol": "MQTT", "clientId": "` + client + `", "principalId": "` + principal + `",
  "sourceIp": "192.0.2.1", "sourcePort": 13490, "reason": "AUTHORIZATION_FAILURE", "details": "Authorization Failure"` + more + `}`
}

func explain(tb testing.TB, text string) (whynot.Log, string) {
	tb.Helper()
	l, err := whynot.Read(strings.NewReader(text))
	if err != nil {
		tb.Fatal(err)
	}
	var out strings.Builder
	if err := whynot.Print(&out, l, whynot.Explain(whynot.Join(l.Events), finder(tb))); err != nil {
		tb.Fatal(err)
	}
	return l, out.String()
}

func TestRefusalsAreExplained(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct{ log, want string }{
		"another's topic": {failure("Publish-In", "cam1", cam1, `, "topicName": "thingpass/cam2/upload-request"`), "belongs to cam2"},
		"the client id":   {failure("Connect", "esp32", cam1, ""), `connect with client id "cam1"`},
		"a filter":        {failure("Subscribe", "cam1", cam1, `, "topicName": "thingpass/cam1/#"`), "subscribe to thingpass/cam1/response instead"},
		"a delivery":      {failure("Publish-Out", "cam1", cam1, `, "topicName": "thingpass/cam1/uploaded"`), "IMPLICIT_DENY  receive thingpass/cam1/uploaded"},
		"a shadow":        {failure("GetThingShadow", "cam1", cam1, `, "deviceShadowName": "cam2"`), "IMPLICIT_DENY  iot:GetThingShadow cam2"},
		"retained":        {failure("Publish-In", "cam1", cam1, `, "topicName": "thingpass/cam1/upload-request"`), "ALLOWED: Ask  thing:14:5\n    unless it was to be retained: IMPLICIT_DENY"},
		"persistent":      {failure("Connect", "cam1", cam1, ""), "unless it asked for a persistent session: IMPLICIT_DENY"},
		"a will":          {failure("Connect", "cam1", cam1, ""), "unless it had a will: IMPLICIT_DENY"},
		"revoked":         {failure("Connect", "cam2", revoked, ""), "refused before any policy is asked: certificate " + revoked + " is REVOKED (registry.yaml)"},
		"another device":  {failure("Connect", "cam2", unknown, ""), "is not in the registry, but thing cam2 is, the name of the client id"},
		"nobody":          {failure("Connect", "cam9", unknown, ""), "there is no certificate"},
		"Cognito":         {failure("Connect", "app", "AROASIEQ2RFHMAKJFY3CX:CognitoIdentityCredentials", ""), "is no certificate: policies of a Cognito identity"},
		"another account": {strings.Replace(failure("Connect", "cam1", cam1, ""), "123456789012", "999999999999", 1), "the log is of account 999999999999, and the registry of 123456789012"},
		"over HTTPS":      {strings.Replace(failure("Publish-In", "N/A", cam1, `, "topicName": "thingpass/cam1/upload-request"`), `"MQTT"`, `"HTTP"`, 1), "come over MQTT"},
		"duplicate": {`{"eventType": "Disconnect", "status": "Success", "clientId": "cam1", "principalId": "` + cam1 + `", "reason": "DUPLICATE_CLIENT_ID", "disconnectReason": "DUPLICATE_CLIENTID"}`,
			"two devices have one name"},
		"no policy": {strings.Replace(failure("Connect", "cam1", cam1, ""), `"AUTHORIZATION_FAILURE"`, `"TLS_HANDSHAKE"`, 1), "that is no matter of policies"},
		"lifecycle": {`{"clientId": "cam1", "timestamp": 1460065214626, "eventType": "connect_failed", "connectFailureReason": "AUTHORIZATION_FAILED", "principalIdentifier": "` + cam1 + `"}`,
			"line 1: cam1: connect: AUTHORIZATION_FAILED  1460065214626"},
		"dev stack": {`time=2026-11-26T02:00:00Z level=WARN msg="mqtt refused" who="thing cam1" what=PUBLISH why="IMPLICIT_DENY  publish thingpass/cam2/response  (no statement allows it); nearest: x" client=cam1 remote=127.0.0.1:4711`,
			"thing cam1: publish thingpass/cam2/response: REFUSED"},
		"dev stack, often": {`time=x level=WARN msg="mqtt refused" who="thing cam1" what=SUBSCRIBE why="may not iot:Subscribe \"thingpass/\\\"+\"" client=cam1 remote=[::1]:1`,
			`subscribe thingpass/"+: REFUSED`},
		"dev stack, service": {`time=x level=WARN msg="mqtt refused" who="service thingpass-broker" what=CONNECT why=x client=cam1 remote=127.0.0.1:1`, "IMPLICIT_DENY  connect"},
		"dev stack, JSON":    {`{"time":"x","level":"WARN","msg":"mqtt refused","who":"thing cam1","what":"CONNECT","why":"x","client":"other","remote":"127.0.0.1:1"}`, `connect with client id "cam1"`},
		"plugin": {`1764122400: thingpass refused who=cam1 what=PUBLISH why="IMPLICIT_DENY iot:RetainPublish topic/thingpass/cam1/upload-request: no statement allows it" client=cam1`,
			"cam1: retain thingpass/cam1/upload-request: REFUSED"},
		"plugin, connect": {`1764122400: thingpass refused who=cam1 what=CONNECT why="IMPLICIT_DENY iot:Connect client/x: no statement allows it" client=x`, `connect with client id "cam1"`},
		"plugin, service": {`thingpass refused who=thingpass-broker what=SUBSCRIBE why="IMPLICIT_DENY iot:Subscribe topicfilter/a: b/#: no statement allows it" client=thingpass-broker`, "IMPLICIT_DENY  subscribe a: b/#"},
		"dev stack, TLS":  {`time=x level=WARN msg="mqtt refused" what=TLS why="tls: expired certificate" remote=127.0.0.1:1`, "that is no matter of policies"},
	} {
		l, got := explain(t, c.log)
		if !strings.Contains(got, c.want) || len(l.Events) != 1 || l.Ignored != 0 {
			t.Errorf("%s: %d events, %d ignored, lacks %q:\n%s", what, len(l.Events), l.Ignored, c.want, got)
		}
	}
}

func TestLogsOfEveryShape(t *testing.T) {
	t.Parallel()
	one := failure("Publish-In", "cam1", cam1, `, "topicName": "a"`)
	quoted, err := json.Marshal(one)
	if err != nil {
		t.Fatal(err)
	}
	for what, text := range map[string]string{
		"aws logs tail":              "2026-11-26T02:00:00.476000+00:00 stream " + strings.ReplaceAll(one, "\n", " ") + "\n",
		"the console, pretty":        one + "\n",
		"filter-log-events":          `{"events": [{"logStreamName": "x", "timestamp": 1, "message": ` + string(quoted) + `}], "searchedLogStreams": []}`,
		"a subscription filter":      `{"messageType": "DATA_MESSAGE", "logEvents": [{"id": "1", "message": ` + string(quoted) + `}]}`,
		"Insights":                   `{"results": [{"@message": ` + string(quoted) + `}]}`,
		"with lines that are others": "# my notes {\n\n" + one + "\ngarbage\n",
	} {
		l, err := whynot.Read(strings.NewReader(text))
		if err != nil || len(l.Events) != 1 || l.Events[0].Operation == nil || l.Events[0].Operation.Name != "a" || l.Events[0].Client != "cam1" {
			t.Errorf("%s: %+v %v", what, l, err)
		}
	}
}

func TestWhatWentWellIsNoEvent(t *testing.T) {
	t.Parallel()
	ok := strings.Replace(failure("Connect", "cam1", cam1, ""), "Failure", "Success", 1)
	l, got := explain(t, ok+"\n"+`{"eventType": "connected", "clientId": "a"}`+"\n"+`{"eventType": "disconnected", "disconnectReason": "CLIENT_INITIATED_DISCONNECT"}`)
	if len(l.Events) != 0 || l.Entries != 3 || got != "nothing was refused in 3 log entries\n" {
		t.Errorf("%+v: %s", l, got)
	}
}

func TestRepetitionsAreOneAnswer(t *testing.T) {
	t.Parallel()
	one := failure("Publish-In", "cam1", cam1, `, "topicName": "a"`)
	later := strings.Replace(one, "02:00:00", "03:00:00", 1)
	closed := `{"eventType": "disconnected", "clientId": "cam1", "disconnectReason": "AUTH_ERROR", "principalIdentifier": "` + cam1 + `"}`
	_, got := explain(t, one+"\n"+closed+"\n"+later+"\n"+closed+"\n")
	if !strings.Contains(got, "2 times, 2026-11-26 02:00:00.476 to 2026-11-26 03:00:00.476") || !strings.Contains(got, "cam1: disconnected: AUTH_ERROR  2 times") ||
		!strings.Contains(got, "see line 1") {
		t.Error(got)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(failure("Publish-In", "cam1", cam1, `, "topicName": "a"`))
	f.Add(`{"events": [{"message": "{\"events\": [{}]}"}]}`)
	f.Add(`msg="mqtt refused" why="may not publish to \"a" what=PUBLISH`)
	find := finder(f)
	f.Fuzz(func(t *testing.T, text string) {
		l, err := whynot.Read(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		whynot.Explain(whynot.Join(l.Events), find)
	})
}
