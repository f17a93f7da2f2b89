// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package broker

import (
	"context"
	"strings"
)

// commandResult is a thing's word on how a command went [P-15.6].
type commandResult struct {
	id, status, code  string
	objectKey, sha256 string
	size              int64
}

// commandResult takes down a command-result. It has no answer: nothing depends on
// it, and a thing that lies about itself deceives nobody but who asked it.
func (r *request) commandResult(_ context.Context, payload []byte) ([]Message, error) {
	res, err := decodeCommandResult(payload)
	if err == nil {
		err = r.ownOrShared(res.objectKey)
	}
	if err != nil {
		return r.refuse(verbCommandResult, res.id, payload, err)
	}
	entry := Entry{Request: verbCommandResult, ID: res.id, Key: res.objectKey, Size: res.size, SHA256: hexSum(res.sha256), Code: CodeDone}
	if res.status == statusError {
		entry.Code, entry.Reason = CodeFailed, res.code
	}
	return nil, r.record(entry)
}

// ownOrShared keeps things from naming what is another's: it would be shown as
// theirs.
func (r *request) ownOrShared(key string) error {
	folder, _, _ := strings.Cut(key, "/")
	if key == "" || folder == r.thing || r.broker.reserved[folder] {
		return nil
	}
	return refuse(CodeKeyNotAllowed, "objectKey is neither one of this thing nor shared")
}

func decodeCommandResult(payload []byte) (res commandResult, err error) {
	err = readObject(payload, res.read)
	switch {
	case err != nil:
		return res, err
	case res.id == "":
		return res, refuse(CodeBadRequest, "id is missing")
	case res.status != statusSuccess && res.status != statusError:
		return res, refuse(CodeBadRequest, "status must be %s or %s", statusSuccess, statusError)
	case (res.code != "") != (res.status == statusError):
		return res, refuse(CodeBadRequest, "a code belongs to status %s, and only there", statusError)
	case res.size < 0 || res.size > MaxMultipartSize:
		return res, refuse(CodeBadRequest, "size is %d, which no object can have", res.size)
	}
	return res, nil
}

func (res *commandResult) read(r *jsonReader, name string) (err error) {
	switch name {
	case "id":
		res.id, err = r.id()
	case "status":
		res.status, err = r.text(name)
	case "code":
		if res.code, err = r.text(name); err == nil && !validKind(res.code) {
			err = refuse(CodeBadRequest, "code must be 1 to %d characters of a-z, 0-9 and -", maxKindName)
		}
	case "objectKey":
		if res.objectKey, err = r.short(name, maxKey); err == nil && strings.ContainsFunc(res.objectKey, func(c rune) bool { return c <= ' ' || c > '~' }) {
			err = refuse(CodeBadRequest, "objectKey has characters that no key of this broker has")
		}
	case "size":
		res.size, err = r.integer(name)
	case "sha256":
		res.sha256, err = r.sha256()
	default:
		err = unknownField(name, "id", "status", "code", "objectKey", "size", "sha256")
	}
	return err
}
