// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package broker

const (
	maxETag      = 256
	maxVersionID = 1024 // S3's limit
)

// downloadRequest is what a thing wants to fetch [P-13.1].
type downloadRequest struct {
	id, kind                  string
	name, group, objectKey    string
	hasName, hasGroup, hasKey bool

	etag, versionID, sha256 string // of what the thing has
}

func decodeDownloadRequest(payload []byte) (req downloadRequest, err error) {
	err = readObject(payload, req.read)
	switch {
	case err != nil:
		return req, err
	case req.id == "":
		return req, refuse(CodeBadRequest, "id is missing")
	case req.kind == "":
		return req, refuse(CodeBadRequest, "kind is missing")
	case req.hasName && !validObjectName(req.name):
		return req, refuse(CodeBadRequest, "name must be 1 to 64 characters of A-Z, a-z, 0-9, '.', _ and -, the first of them no '.'")
	}
	return req, nil
}

func (req *downloadRequest) read(r *jsonReader, name string) (err error) {
	switch name {
	case "id":
		req.id, err = r.id()
	case "kind":
		req.kind, err = r.text(name)
	case "name":
		req.hasName = true
		req.name, err = r.text(name)
	case "group":
		req.hasGroup = true
		req.group, err = r.text(name)
	case "objectKey":
		req.hasKey = true
		req.objectKey, err = r.text(name)
	case "etag":
		req.etag, err = r.short(name, maxETag)
	case "versionId":
		req.versionID, err = r.short(name, maxVersionID)
	case "sha256":
		req.sha256, err = r.sha256()
	default:
		return unknownField(name, "id", "kind", "name", "group", "objectKey", "etag", "versionId", "sha256")
	}
	return err
}

// short reads a string that is not empty and has at most n bytes.
func (r *jsonReader) short(name string, n int) (string, error) {
	s, err := r.text(name)
	if err == nil && (s == "" || len(s) > n) {
		return "", refuse(CodeBadRequest, "%s must be 1 to %d bytes", name, n)
	}
	return s, err
}

// has tells whether the thing has what there is: something that it told is the
// same, and nothing is another [P-13.6].
func (req *downloadRequest) has(now *getReply) bool {
	same := false
	for _, pair := range [...]struct{ told, known string }{
		{req.versionID, now.VersionID},
		{req.etag, now.ETag},
		{hexSum(req.sha256), now.SHA256},
	} {
		if pair.told == "" || pair.known == "" {
			continue
		}
		if pair.told != pair.known {
			return false
		}
		same = true
	}
	return same
}
