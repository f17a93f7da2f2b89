// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package broker

import "strings"

const (
	maxUploadID = 512
	maxCount    = 20 // URLs in one reply
)

// wantedParts are the fields of an upload-request that only ModeMultipart has
// [P-12]; the zero value of each stands for one that was not given.
type wantedParts struct {
	uploadID        string
	fromPart, count int
}

func (w *wantedParts) read(r *jsonReader, name string) (err error) {
	switch name {
	case "uploadId":
		w.uploadID, err = r.uploadID()
	case "fromPart":
		w.fromPart, err = r.within(name, firstPart, maxParts, CodePartNotAllowed)
	case "count":
		w.count, err = r.within(name, 1, maxCount, CodeBadRequest)
	}
	return err
}

func (r *jsonReader) within(name string, least, most int, code Code) (int, error) {
	n, err := r.integer(name)
	if err != nil {
		return 0, err
	}
	if n < int64(least) || n > int64(most) {
		return 0, refuse(code, "%s is %d, %d to %d are taken", name, n, least, most)
	}
	return int(n), nil
}

// uploadID reads an id that S3 gave. It is S3's to say whether there is such an
// upload, but some servers make a file name of the id.
func (r *jsonReader) uploadID() (string, error) {
	id, err := r.text("uploadId")
	if err != nil {
		return "", err
	}
	known := validName(id, maxUploadID, func(c byte) bool { return alphanumeric(c) || strings.IndexByte("._~=+-", c) >= 0 })
	if !known || id == "." || id == ".." {
		return "", refuse(CodeBadRequest, "uploadId must be as it was given")
	}
	return id, nil
}
