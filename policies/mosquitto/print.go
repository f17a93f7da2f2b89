// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package mosquitto

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

const header = `# Access rules for Mosquitto: who may publish and receive what. Whatever is not
# named here is denied.
#
# Made by ` + "`thingpass policy mosquitto`" + ` from the policies that AWS IoT Core would have.
# Change those, and make it again; a running Mosquitto takes it with SIGHUP.
#
# For listeners with ` + "`use_identity_as_username true`" + `: the user is the CN of the
# client's certificate, which is the thing's name.
#
# What an ACL file cannot do: refuse a SUBSCRIBE. A thing that subscribes to
# ` + "`$share/<group>/…`" + ` becomes a member of the broker's group, is dealt other things'
# requests, receives none of them (the rules below withhold them), and they are lost.
# So name the broker's group unguessably (mqtt.group) where things are not all yours,
# or use the plugin (policies/plugin), which refuses what AWS refuses. Nor can it
# refuse a client id, a retained message, or a will at CONNECT.
`

// String is the list as Mosquitto reads it.
func (l *List) String() string {
	var b strings.Builder
	for _, line := range l.layout() {
		b.WriteString(line.text + "\n")
	}
	return b.String()
}

// printed is a line of the list, and whose it is.
type printed struct {
	text string
	user string // "": of things
	rule bool
}

func (l *List) layout() []printed {
	var out []printed
	for text := range strings.Lines(header) {
		out = append(out, printed{text: strings.TrimSuffix(text, "\n")})
	}
	for _, s := range l.Services {
		out = append(out, printed{}, printed{text: "user " + s.Name})
		for _, line := range s.Lines {
			out = append(out, printed{line, s.Name, true})
		}
	}
	if len(l.Things) > 0 {
		out = append(out, printed{}, printed{text: "# Everybody else: every thing, below its own name only."})
		for _, line := range l.Things {
			out = append(out, printed{line, "", true})
		}
	}
	return out
}

// number tells each verdict where its lines are.
func (l *List) number() {
	lines := l.layout()
	for i := range l.Verdicts {
		v := &l.Verdicts[i]
		for n, line := range lines {
			if line.rule && line.user == v.User && slices.Contains(v.Lines, line.text) {
				v.Numbers = append(v.Numbers, n+1)
			}
		}
	}
}

// where words line numbers: "line 24", "lines 24 to 26, 30".
func (v *Verdict) where() string {
	var parts []string
	for i := 0; i < len(v.Numbers); {
		from := i
		for i++; i < len(v.Numbers) && v.Numbers[i] == v.Numbers[i-1]+1; i++ {
		}
		if part := strconv.Itoa(v.Numbers[from]); i-from == 1 {
			parts = append(parts, part)
		} else {
			parts = append(parts, part+" to "+strconv.Itoa(v.Numbers[i-1]))
		}
	}
	switch len(v.Numbers) {
	case 0:
		return ""
	case 1:
		return ": line " + parts[0]
	}
	return ": lines " + strings.Join(parts, ", ")
}

// Report is for people: each statement, how true the list is to it, and why.
func (l *List) Report() string {
	var b strings.Builder
	for _, v := range l.Verdicts {
		fmt.Fprintf(&b, "%-15s  %s: %s", v.Fidelity, v.Document, v.Statement)
		if v.User != "" {
			fmt.Fprintf(&b, " (user %s)", v.User)
		}
		b.WriteString(v.where() + "\n")
		for _, why := range v.Reasons {
			b.WriteString("                 " + why + "\n")
		}
	}
	return b.String()
}
