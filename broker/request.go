// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package broker

import (
	"maps"
	"slices"
)

// MaxPayload is the size of the largest request, in bytes [P-1.1].
const MaxPayload = 65536

const maxObjects = 20

// uploadRequest is what a thing wants to store [P-3].
type uploadRequest struct {
	id, kind, mode string
	single         wanted // where there is no objects
	metadataNames  []string
	parts          wantedParts
	checksum       string
	objects        []wanted
	batch          bool
	given          []string // names of the outer object's fields
}

// fieldsOf names the fields that belong to each mode [P-1.2]: one that would be
// ignored may have been meant to narrow the grant.
var fieldsOf = map[string][]string{
	ModePut:  {"id", "kind", "mode", "contentType", "size", "sha256", "capturedAt", "objectKey", "metadata", "objects"},
	ModePass: {"id", "kind", "mode", "contentType", "capturedAt", "metadata", "metadataNames", "checksum"},
	ModeMultipart: {"id", "kind", "mode", "contentType", "size", "capturedAt", "objectKey", "metadata",
		"uploadId", "checksum", "fromPart", "count"},
}

// uploadFields are those of any mode.
func uploadFields() []string {
	all := slices.Concat(slices.Collect(maps.Values(fieldsOf))...)
	slices.Sort(all)
	return slices.Compact(all)
}

// wanted is one object of an uploadRequest. given has the name of a field that
// belongs to an object, or is "".
type wanted struct {
	id, contentType, sha256, objectKey string
	size, capturedAt                   int64
	hasSize, hasCapturedAt             bool
	metadata                           map[string]string
	given                              string
}

func decodeUploadRequest(payload []byte) (req uploadRequest, err error) {
	err = readObject(payload, func(r *jsonReader, name string) (err error) {
		req.given = append(req.given, name)
		switch name {
		case "id":
			req.id, err = r.id()
		case "kind":
			req.kind, err = r.text(name)
		case "mode":
			req.mode, err = r.text(name)
		case "objects":
			req.batch = true
			req.objects, err = readWanted(r)
		case "metadataNames":
			req.metadataNames, err = r.metadataNames()
		case "checksum":
			req.checksum, err = r.text(name)
		case "uploadId", "fromPart", "count":
			err = req.parts.read(r, name)
		default:
			err = req.single.read(r, name)
		}
		return err
	})
	if err != nil {
		return req, err
	}
	req.single.id = req.id
	if req.mode == "" {
		req.mode = ModePut
	}
	return req, req.check()
}

func (req *uploadRequest) check() error {
	switch {
	case req.id == "":
		return refuse(CodeBadRequest, "id is missing")
	case req.kind == "":
		return refuse(CodeBadRequest, "kind is missing")
	}
	if known := fieldsOf[req.mode]; known != nil {
		for _, name := range req.given {
			if !slices.Contains(known, name) {
				return refuse(CodeBadRequest, "%s does not belong to mode %s; known are %q", name, req.mode, known)
			}
		}
	}
	switch {
	case req.batch && req.single.given != "":
		return refuse(CodeBadRequest, "%s stands beside objects: give it for each object", req.single.given)
	case !req.batch:
		req.objects = []wanted{req.single}
		return nil
	}
	return checkObjectCount(len(req.objects))
}

func checkObjectCount(n int) error {
	if n < 1 || n > maxObjects {
		return refuse(CodeTooManyObjects, "objects holds %d, 1 to %d are taken", n, maxObjects)
	}
	return nil
}

func readWanted(r *jsonReader) (list []wanted, err error) {
	list = make([]wanted, 0, maxObjects)
	var w *wanted
	field := func(r *jsonReader, name string) (err error) {
		if name == "id" {
			w.id, err = r.id()
			return err
		}
		return w.read(r, name)
	}
	err = r.array(func(r *jsonReader) error {
		if len(list) == maxObjects {
			return checkObjectCount(len(list) + 1)
		}
		list = append(list, wanted{})
		w = &list[len(list)-1]
		if err := r.object(field); err != nil {
			return err
		}
		if w.id == "" {
			return refuse(CodeBadRequest, "an object has no id")
		}
		for i := range list[:len(list)-1] {
			if list[i].id == w.id {
				return refuse(CodeBadRequest, "id %s is there twice in objects", w.id)
			}
		}
		return nil
	})
	return list, err
}

func (w *wanted) read(r *jsonReader, name string) (err error) {
	switch name {
	case "contentType":
		w.contentType, err = r.text(name)
	case "size":
		w.hasSize = true
		w.size, err = r.integer(name)
	case "sha256":
		w.sha256, err = r.sha256()
	case "capturedAt":
		w.hasCapturedAt = true
		w.capturedAt, err = r.integer(name)
	case "objectKey":
		w.objectKey, err = r.text(name)
		if err == nil && w.objectKey == "" {
			err = refuse(CodeKeyNotAllowed, "objectKey is empty")
		}
	case "metadata":
		w.metadata, err = r.metadata()
	default:
		return unknownField(name, uploadFields()...)
	}
	w.given = name
	return err
}

func unknownField(name string, known ...string) error {
	return refuse(CodeBadRequest, "unknown field %q; known are %q", printable(name, 40), known)
}
