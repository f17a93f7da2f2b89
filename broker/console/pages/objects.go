// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package pages

import (
	"context"
	"net/http"

	"thingpass/broker/console/thumbs"
	"thingpass/broker/fleet"
)

const objectsPage = 48

// objectsView is a page of a thing's objects.
type objectsView struct {
	Thing   string
	Images  []fleet.Object
	Others  []fleet.Object
	Before  string
	Next    string // the key to go on before; "": the end
	Failed  bool   // the bucket did not answer in time, or refused to
	Viewing bool   // objects can be seen
}

func (p *Pages) objects(w http.ResponseWriter, r *http.Request) {
	t, ok := p.known(w, r)
	if !ok {
		return
	}
	v := objectsView{Thing: t.Name, Before: r.URL.Query().Get("before"), Viewing: p.cfg.View != nil}
	if v.Before != "" && !thumbs.ValidKey(v.Before) {
		v.Before = ""
	}
	ctx, cancel := inTime(r)
	defer cancel()
	objects, next, err := p.cfg.Fleet.Objects(ctx, t.Name, v.Before, objectsPage)
	status := http.StatusOK
	if err != nil {
		p.cfg.Log.Warn("objects could not be listed", "thing", t.Name, "err", err)
		status, v.Failed = http.StatusServiceUnavailable, true
	}
	v.Next = next
	for _, o := range objects {
		if isImage(o) {
			v.Images = append(v.Images, o)
		} else {
			v.Others = append(v.Others, o)
		}
	}
	p.render(w, r, status, p.page(r, "objects", "Objects of "+t.Name, v))
}

// view sends the browser to the object by a URL that is good for a short time. The
// answer has the URL in a header alone.
func (p *Pages) view(w http.ResponseWriter, r *http.Request) {
	key := r.URL.Query().Get("key")
	if p.cfg.View == nil || !thumbs.ValidKey(key) {
		p.trouble(w, r, http.StatusNotFound, "There is no such object.")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), operationTime)
	defer cancel()
	url, err := p.cfg.View(ctx, key)
	if err != nil {
		p.cfg.Log.Warn("an object cannot be shown", "key", key, "err", err)
		p.trouble(w, r, http.StatusServiceUnavailable, "The object cannot be shown now. Try again; the broker's log says why.")
		return
	}
	w.Header().Set("Location", url)
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(http.StatusFound)
}
