// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"context"
	"errors"
	"slices"
	"strings"

	"thingpass/broker"
)

const (
	crawlAtOnce = 4  // things
	crawlDepth  = 12 // folders in folders
	crawlPages  = 10 // of 1000, of one folder
	crawlKinds  = 8  // of one thing
)

// crawlAll reads the bucket once, for the things and photos that were there before
// the journal: first all names, then the newest object of each thing.
func (f *Fleet) crawlAll(ctx context.Context) {
	f.index.mu.RLock()
	complete := f.index.complete
	f.index.mu.RUnlock()
	pause := leastPause
	for !complete && ctx.Err() == nil {
		err := f.crawl(ctx)
		if err == nil {
			f.trouble.clear("crawl")
			return
		}
		if ctx.Err() == nil {
			f.trouble.set("crawl", "the bucket cannot be read: things that were there before may be missing", err)
			wait(ctx, pause)
			pause = min(2*pause, longPause)
		}
	}
}

func (f *Fleet) crawl(ctx context.Context) error {
	if err := f.crawlNames(ctx); err != nil {
		return err
	}
	names := make(chan string)
	errs := make(chan error, crawlAtOnce)
	for range crawlAtOnce {
		go func() {
			var err error
			for name := range names { // to the end, or crawl would wait
				if err == nil {
					err = f.crawlThing(ctx, name)
				}
			}
			errs <- err
		}()
	}
	for _, name := range f.unseen() {
		names <- name
	}
	close(names)
	var all []error
	for range crawlAtOnce {
		all = append(all, <-errs)
	}
	if err := errors.Join(all...); err != nil {
		return err
	}
	f.index.mu.Lock()
	f.index.complete = true
	f.index.version++
	f.index.mu.Unlock()
	f.Touch("")
	return nil
}

// crawlNames finds all things: the folders of the bucket that can be theirs.
func (f *Fleet) crawlNames(ctx context.Context) error {
	l := List{Delimiter: "/"}
	for {
		page, err := f.list(ctx, l)
		if err != nil {
			return err
		}
		f.index.mu.Lock()
		for _, folder := range page.Prefixes {
			name := strings.TrimSuffix(folder, "/")
			if broker.ValidThing(name) && !slices.Contains(f.conf.Reserved, name) {
				f.index.thing(name)
			}
		}
		f.index.mu.Unlock()
		f.Touch("")
		if !page.More {
			return nil
		}
		l.After = page.Last
		wait(ctx, f.conf.CrawlPause)
	}
}

// unseen are the things of which no stored object is known.
func (f *Fleet) unseen() (names []string) {
	f.index.mu.Lock()
	defer f.index.mu.Unlock()
	for _, t := range f.index.byName() {
		if len(t.last) == 0 {
			names = append(names, t.name)
		}
	}
	return names
}

// crawlThing finds the newest object of each kind of a thing.
func (f *Fleet) crawlThing(ctx context.Context, name string) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	kinds, objects, err := f.folder(ctx, name+"/")
	if err != nil {
		return err
	}
	kinds = kinds[max(0, len(kinds)-crawlKinds):]
	for _, kind := range kinds {
		found, err := f.newestBelow(ctx, kind)
		if err != nil {
			return err
		}
		objects = append(objects, found...)
	}
	photo := false
	f.index.mu.Lock()
	if t := f.index.thing(name); t != nil {
		for _, o := range objects {
			if at := nanos(o.Stored); at != 0 && plainText(o.Key, maxKey) {
				photo = t.store(object{key: o.Key, size: o.Size, etag: cut(o.ETag, maxField), at: at}) || photo
			}
		}
		f.index.version++
	}
	f.index.mu.Unlock()
	f.tell([]Change{{Thing: name, Photo: photo}})
	return nil
}

// newestBelow descends to the objects of the greatest folder: in layouts with
// dates, those of the last day. It knows no layout.
func (f *Fleet) newestBelow(ctx context.Context, prefix string) ([]Object, error) {
	for range crawlDepth {
		folders, objects, err := f.folder(ctx, prefix)
		if err != nil || len(folders) == 0 {
			return objects, err
		}
		prefix = folders[len(folders)-1]
	}
	return nil, nil
}

// folder lists what is right below a prefix, at most crawlPages pages.
func (f *Fleet) folder(ctx context.Context, prefix string) (folders []string, objects []Object, err error) {
	l := List{Prefix: prefix, Delimiter: "/"}
	for range crawlPages {
		page, err := f.list(ctx, l)
		if err != nil {
			return nil, nil, err
		}
		folders, objects = append(folders, page.Prefixes...), append(objects, page.Objects...)
		wait(ctx, f.conf.CrawlPause)
		if !page.More {
			break
		}
		l.After = page.Last
	}
	return folders, objects, ctx.Err()
}
