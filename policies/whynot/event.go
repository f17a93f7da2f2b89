// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package whynot

import (
	"net/netip"

	"thingpass/policies/explain"
)

// An Event is something that went wrong for a client, as a server logged it.
type Event struct {
	Line int    // where it begins, from 1
	Time string // as it was logged

	Client    string // its client id
	Principal string // certificate id, or whatever else AWS names there
	Who       string // of the dev stack: "thing cam1"
	IP        netip.Addr
	HTTP      bool
	Account   string

	Operation *explain.Operation // nil: not about an operation
	Will      bool               // it may be the will that was refused
	Reason    string             // the server's word: AUTHORIZATION_FAILURE, DUPLICATE_CLIENTID
	Details   string

	Count int    // of events that are the same but for their time
	Last  string // time of the last of them
}

// what tells events from others.
type what struct {
	client, principal, who, reason string
	operation                      explain.Operation
}

func (e Event) what() what {
	w := what{e.Client, e.Principal, e.Who, e.Reason, explain.Operation{}}
	if e.Operation != nil {
		w.operation = *e.Operation
	}
	return w
}

// Join makes one of events that are the same: a client that is refused tries
// again, and again. They stay in the order of their first.
func Join(events []Event) []Event {
	var out []Event
	at := map[what]int{}
	for _, e := range events {
		i, known := at[e.what()]
		if !known {
			at[e.what()] = len(out)
			e.Count, e.Last = 1, e.Time
			out = append(out, e)
			continue
		}
		out[i].Count++
		out[i].Last = e.Time
	}
	return out
}
