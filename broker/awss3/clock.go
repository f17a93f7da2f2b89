// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package awss3

import "time"

// A clock tells the time in two ways. What it says on the wall is what the end of
// credentials is compared with; but it can be set, forward or back, by hours. How
// long we have been up cannot be set; but it may stand still while the machine
// sleeps. What must not be too late is due when either says so.
type clock struct {
	wall  func() time.Time
	began time.Time // with Go's monotonic reading
}

func newClock() clock { return clock{wall: time.Now, began: time.Now()} }

// A moment is a point in time by both.
type moment struct {
	wall time.Time // without a monotonic reading
	up   time.Duration
}

func (c clock) now() moment { return moment{c.wall().Round(0), time.Since(c.began)} }

func (m moment) add(d time.Duration) moment { return moment{m.wall.Add(d), m.up + d} }

// reached reports whether m has come, by either way.
func (m moment) reached(now moment) bool { return !now.wall.Before(m.wall) || now.up >= m.up }

// before reports whether m is over, by either way.
func (m moment) before(now moment) bool { return now.wall.After(m.wall) || now.up > m.up }
