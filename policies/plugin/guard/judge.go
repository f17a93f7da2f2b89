// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package guard

import "time"

// Changed notes that the registry is another one. Any goroutine may say so; the
// next tick begins to judge all clients again.
func (g *Guard) Changed() { g.changed.Store(true) }

// Tick returns the ids of clients that are to be kicked, and whether it has more
// to do: the server, which waits for it, is not kept for long.
func (g *Guard) Tick() (kick []string, more bool) {
	if g.changed.Swap(false) {
		g.generation++
		g.options.Forget()
		g.unjudged = g.unjudged[:0]
		for h := range g.clients {
			g.unjudged = append(g.unjudged, h)
		}
	}
	g.judgeSome()
	if g.kicks > 0 {
		for _, c := range g.clients {
			if c.condemned {
				kick = append(kick, c.request.ClientID)
			}
		}
	}
	return kick, len(g.unjudged) > 0
}

// judgeSome judges those who have done nothing since the registry changed.
func (g *Guard) judgeSome() {
	for began := time.Now(); len(g.unjudged) > 0 && time.Since(began) < g.budget; {
		last := len(g.unjudged) - 1
		c := g.clients[g.unjudged[last]]
		g.unjudged = g.unjudged[:last]
		if c != nil && c.generation != g.generation {
			g.judge(c)
		}
	}
}

// judge makes a client's session anew, and condemns who may not be here any more.
func (g *Guard) judge(c *client) {
	if c.condemned { // and stays of its generation: what it leaves is judged anew
		return
	}
	who, err := g.store.Registry().Find(c.who.Certificate)
	why := ""
	if err != nil {
		why = err.Error()
	} else {
		c.who = who
		why = g.admit(c)
	}
	if why != "" {
		g.condemn(c)
		g.refuse(c.who.Name, "SESSION", why, c.request.ClientID)
	}
}
