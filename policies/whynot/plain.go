// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package whynot

import (
	"net/netip"
	"regexp"
	"strconv"
	"strings"

	"thingpass/policies/explain"
)

// plain reads a line of the dev stack, as slog writes it, or of the Mosquitto
// plugin: name=value, the value quoted where it must be.
func (l *log) plain(line string, number int) bool {
	_, plugin, found := strings.Cut(line, "thingpass refused ")
	if found {
		line = plugin
	}
	values := pairs(line)
	if !found && values["msg"] != "mqtt refused" {
		return false
	}
	l.Entries++
	if e := refused(func(name string) string { return values[name] }); e != nil {
		e.Line = number
		l.Events = append(l.Events, *e)
	}
	return true
}

// refused is "mqtt refused" who=… what=… why=… client=… remote=….
func refused(value func(string) string) *Event {
	e := &Event{Time: value("time"), Client: value("client"), Who: value("who"), Details: value("why"), Reason: "REFUSED"}
	if at, err := netip.ParseAddrPort(value("remote")); err == nil {
		e.IP = at.Addr()
	}
	why := value("why")
	if rest, will := strings.CutPrefix(why, "will: "); will {
		e.Will, why = true, rest
	}
	e.Operation = asked(value("what"), why)
	if e.Operation == nil { // of TLS, or of the protocol
		e.Reason = "refused: " + e.Details
	}
	return e
}

var (
	decided = regexp.MustCompile(`^(?:IMPLICIT|EXPLICIT)_DENY  (\S+) ?(.*?)  \(`)                         // explain.Bench.Short
	summary = regexp.MustCompile(`^(?:IMPLICIT|EXPLICIT)_DENY iot:(\w+) \w+/(.*?): (?:by |no statement)`) // policies.Explanation.Summary
	mayNot  = regexp.MustCompile(`^may not ([\w: ]+?) (".*")`)
	verbs   = map[string]string{"PUBLISH": explain.Publish, "SUBSCRIBE": explain.Subscribe}
	actions = map[string]string{"Publish": explain.Publish, "RetainPublish": explain.Retain, "Subscribe": explain.Subscribe, "Receive": explain.Receive}
)

// asked finds the topic in the reason, as the line has it nowhere else.
func asked(what, why string) *explain.Operation {
	if what == "CONNECT" {
		return &explain.Operation{Verb: explain.Connect}
	}
	if m := decided.FindStringSubmatch(why); m != nil {
		return named(m[1], m[2])
	}
	if m := summary.FindStringSubmatch(why); m != nil && actions[m[1]] != "" {
		return named(actions[m[1]], m[2])
	}
	if m := mayNot.FindStringSubmatch(why); m != nil {
		name, err := strconv.Unquote(m[2])
		if verb := verbs[what]; err == nil && verb != "" {
			return named(verb, name)
		}
	}
	return nil
}

// pairs takes name=value apart. What is broken is left out.
func pairs(line string) map[string]string {
	out := map[string]string{}
	for rest := strings.TrimSpace(line); rest != ""; {
		name, after, found := strings.Cut(rest, "=")
		if !found {
			break
		}
		name = name[strings.LastIndexByte(name, ' ')+1:]
		var value string
		if strings.HasPrefix(after, `"`) {
			quoted, err := strconv.QuotedPrefix(after)
			if err != nil {
				break
			}
			value, _ = strconv.Unquote(quoted)
			rest = after[len(quoted):]
		} else {
			value, rest, _ = strings.Cut(after, " ")
		}
		out[name] = value
	}
	return out
}
