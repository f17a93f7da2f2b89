// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package fleet_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"thingpass/broker"
	"thingpass/broker/fleet"
	"thingpass/broker/fleet/fleettest"
)

// part is a segment of the journal.
type part struct {
	run      string
	seq      uint64
	entries  []broker.Entry
	received time.Time
}

// parts makes up segments of three replicas, with reports that are repeated, told
// to another replica, at equal times, too long ago and ahead of the clock.
func parts(r *rand.Rand) (list []part) {
	codes := []broker.Code{broker.CodeBusy, broker.CodeMismatch, "made-up", broker.CodeBlocked}
	for n := range 60 {
		p := part{run: fmt.Sprint("run", n%3), seq: uint64(n/3 + 1), received: noon.Add(-time.Duration(r.IntN(30)) * time.Hour)}
		for range r.IntN(20) {
			thing := fmt.Sprint("cam", r.IntN(4))
			at := p.received.Add(-time.Duration(r.IntN(60)) * time.Second)
			two := photo(thing, r.IntN(100), at)
			switch r.IntN(8) {
			case 0:
				p.entries = append(p.entries, refusal(thing, codes[r.IntN(len(codes))], at))
			case 1:
				p.entries = append(p.entries, two[1], two[1])
			case 2:
				two[1].Request, two[1].ContentType = "stored", "image/jpeg"
				p.entries = append(p.entries, two[1])
			case 3:
				two[1].Time = noon.Add(time.Duration(r.IntN(100)) * time.Hour)
				p.entries = append(p.entries, two...)
			case 4:
				p.entries = append(p.entries, broker.Entry{Time: at, Thing: thing, Request: "block", Actor: "ann", Code: broker.CodeDone})
			default:
				p.entries = append(p.entries, two...)
			}
		}
		list = append(list, p)
	}
	return list
}

// view is all that a fleet tells.
func view(t testing.TB, f *fleet.Fleet) (v []any) {
	for i := range 4 {
		v = append(v, thingOf(t, f, fmt.Sprint("cam", i)))
	}
	f.Touch("") // what is cached is forgotten
	o := f.Overview()
	o.Trouble = ""
	return append(v, o, f.Things(fleet.Query{Sort: fleet.ByNewest}))
}

func TestReplicasAgreeInWhateverOrderTheyLearn(t *testing.T) {
	t.Parallel()
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 6))
		list := parts(r)
		var first []any
		for round := range 4 {
			f := open(t, fleettest.NewMemory(), nil)
			for i, p := range list {
				f.Apply(p.run, p.seq, p.entries, p.received)
				if r.IntN(5) == 0 { // again
					f.Apply(p.run, p.seq, p.entries, p.received)
				}
				if round == 2 && i == len(list)/2 { // a restart in between
					state := f.State()
					f = open(t, fleettest.NewMemory(), nil)
					if err := f.Restore(fleet.Wrap(state)); err != nil {
						t.Fatal(err)
					}
				}
			}
			if got := view(t, f); first == nil {
				first = got
			} else if !reflect.DeepEqual(got, first) {
				for i := range got {
					if !reflect.DeepEqual(got[i], first[i]) {
						a, b := fmt.Sprintf("%+v", got[i]), fmt.Sprintf("%+v", first[i])
						at := 0
						for at < min(len(a), len(b)) && a[at] == b[at] {
							at++
						}
						t.Fatalf("seed %d, round %d, %d:\n%.300s\n, first\n%.300s", seed, round, i, a[max(0, at-100):], b[max(0, at-100):])
					}
				}
			}
			r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		}
	}
}

func TestEventsMakeTheNewestAndCountNothing(t *testing.T) {
	t.Parallel()
	f := open(t, fleettest.NewMemory(), nil)
	event := func(n int, at time.Time) {
		t.Helper()
		payload := fmt.Sprintf(`{"thing":"cam1","kind":"photo","objectKey":%q,"size":7,"contentType":"image/jpeg","etag":"\"1\"","time":%d,"new":[1]}`,
			key("cam1", n), at.Unix())
		if err := f.Uploaded("thingpass/cam1/uploaded", []byte(payload)); err != nil {
			t.Fatal(err)
		}
	}
	event(2, noon)
	event(1, noon.Add(-time.Hour))
	event(2, noon)
	one := thingOf(t, f, "cam1")
	want := fleet.Object{Key: key("cam1", 2), Size: 7, Stored: noon, ContentType: "image/jpeg", ETag: `"1"`}
	if one.Newest != want || one.Today.Stored != 0 || one.State != fleet.Dormant {
		t.Errorf("%+v", one.Summary)
	}
	f.Apply("x", 1, photo("cam1", 2, noon.Add(-time.Second)), noon)
	if one = thingOf(t, f, "cam1"); one.Newest.SHA256 == "" || one.Newest.ETag != `"1"` || one.Today.Stored != 1 {
		t.Errorf("%+v", one.Newest)
	}
}

func TestOnlyImagesAreShownAsImages(t *testing.T) {
	t.Parallel()
	f := open(t, fleettest.NewMemory(), nil)
	for i, c := range []struct {
		key, contentType string
		image            bool
	}{
		{"a.jpg", "", true}, {"a.JPEG", "", true}, {"a.png", "image/png", true}, {"a.bin", "image/webp", true},
		{"a.jpg", "text/html", false}, {"a.svg", "image/svg+xml", false}, {"a.svg", "", false}, {"jpg", "", false}, {"a.jpg.html", "", false},
	} {
		name := fmt.Sprint("cam", i)
		f.Apply(name, 1, []broker.Entry{{Time: noon, Thing: name, Request: "stored", Code: broker.CodeVerified, Key: name + "/photo/" + c.key,
			ContentType: c.contentType, Size: 1}}, noon)
		one := thingOf(t, f, name)
		if (one.Newest.Key != "") != c.image || one.Last.Key == "" {
			t.Errorf("%s, %q: %+v", c.key, c.contentType, one.Newest)
		}
	}
}
