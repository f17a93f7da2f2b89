// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package fleettest

import (
	"context"
	"slices"
	"strings"

	"thingpass/broker/fleet"
)

const maxList = 1000 // of S3

// List implements fleet.Files. As S3 does, it tells keys in the order of their
// bytes, no content types and no checksums.
func (m *Memory) List(ctx context.Context, l fleet.List) (page fleet.Listing, err error) {
	err = m.call(ctx, OpList, l.Prefix, func() error {
		page = m.list(l)
		return nil
	})
	return page, err
}

func (m *Memory) list(l fleet.List) (page fleet.Listing) {
	limit := l.Max
	if limit <= 0 || limit > maxList {
		limit = maxList
	}
	from := max(l.Prefix, l.After)
	if l.After != "" && l.After >= l.Prefix {
		from = l.After + "\x00"
	}
	for {
		o, found := m.first(from)
		if !found || !strings.HasPrefix(o.Key, l.Prefix) {
			return page
		}
		name, next, folder := o.Key, o.Key+"\x00", false
		if l.Delimiter != "" {
			if before, _, cut := strings.Cut(o.Key[len(l.Prefix):], l.Delimiter); cut {
				name, folder = l.Prefix+before+l.Delimiter, true
				next = name[:len(name)-1] + string(name[len(name)-1]+1)
			}
		}
		from = next
		if folder && name <= l.After {
			continue
		}
		if len(page.Objects)+len(page.Prefixes) == limit {
			page.More = true
			return page
		}
		if page.Last = name; folder {
			page.Prefixes = append(page.Prefixes, name)
		} else {
			page.Objects = append(page.Objects, fleet.Object{Key: o.Key, Size: o.Size, Stored: o.Stored, ETag: o.ETag})
		}
	}
}

// first returns the object with the least key that is not below from.
func (m *Memory) first(from string) (fleet.Object, bool) {
	made, simulated := m.sim.first(from)
	at, _ := slices.BinarySearch(m.keys, from)
	if at == len(m.keys) || simulated && made.Key < m.keys[at] {
		return made, simulated
	}
	return m.objects[m.keys[at]].Object, true
}
