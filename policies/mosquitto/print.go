// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package mosquitto

import (
	"fmt"
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
# or use the plugin (policies/plugin), which refuses what AWS refuses.
`

// String is the list as Mosquitto reads it.
func (l *List) String() string {
	var b strings.Builder
	b.WriteString(header)
	for _, s := range l.Services {
		fmt.Fprintf(&b, "\nuser %s\n", s.Name)
		for _, line := range s.Lines {
			b.WriteString(line + "\n")
		}
	}
	if len(l.Things) > 0 {
		b.WriteString("\n# Everybody else: every thing, below its own name only.\n")
		for _, line := range l.Things {
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}

// Report is for people: each statement, how true the list is to it, and why.
func (l *List) Report() string {
	var b strings.Builder
	for _, v := range l.Verdicts {
		fmt.Fprintf(&b, "%-15s  %s: %s", v.Fidelity, v.Document, v.Statement)
		if v.User != "" {
			fmt.Fprintf(&b, " (user %s)", v.User)
		}
		b.WriteByte('\n')
		for _, why := range v.Reasons {
			b.WriteString("                 " + why + "\n")
		}
	}
	return b.String()
}
