// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"fmt"
	"strings"

	"thingpass/policies/templates"
)

// ThingGroup is the group of all things in Default.
const ThingGroup = "things"

// Default is the text of a registry for who has a CA of his own and nothing to
// look up: each thing with a certificate of it is let in under its own name,
// brokers and observers by theirs. Values of other names than account, region,
// partition, root, group, broker and observer are left out. Brokers need no
// broker-watch: whoever enforces a registry refuses strangers in their group.
func Default(v templates.Values) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("# Who is who, and what is attached to whom. See policies/README.md.")
	line("account: %q", orElse(v.Get("account"), "123456789012"))
	line("region: %s", orElse(v.Get("region"), "eu-central-1"))
	line("values: {root: %s, group: %s, broker: %s, observer: %s}", v.Get("root"), v.Get("group"), v.Get("broker"), v.Get("observer"))
	line("policies:")
	line("  thing: {builtin: thing}")
	line("  broker: {builtin: broker}")
	line("  broker-commands: {builtin: broker-commands}")
	line("  observer: {builtin: observer}")
	line("groups:")
	line("  %s: {policies: [thing]}", ThingGroup)
	line("certificates:")
	line("  - {commonName: %s, policies: [broker, broker-commands]}", v.Get("broker"))
	line("  - {commonName: %s, policies: [observer]}", v.Get("observer"))
	line("jitp: # who has a certificate of the CA and is not named above is the thing of its CN")
	line("  groups: [%s]", ThingGroup)
	return b.String()
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
