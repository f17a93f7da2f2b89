// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package broker

// reported is one object of an upload-complete [P-6].
type reported struct {
	objectKey, sha256 string
	checksums         checksums
	size              int64
	hasSize           bool
	uploadID          string // of a multipart upload that is to be completed, or aborted
	abort             bool
	given             string
}

type completeRequest struct {
	id      string
	objects []reported
	batch   bool
}

func decodeUploadComplete(payload []byte) (req completeRequest, err error) {
	var single reported
	err = readObject(payload, func(r *jsonReader, name string) (err error) {
		switch name {
		case "id":
			req.id, err = r.id()
		case "objects":
			req.batch = true
			req.objects, err = readReported(r)
		default:
			err = single.read(r, name)
		}
		return err
	})
	switch {
	case err != nil:
		return req, err
	case req.id == "":
		return req, refuse(CodeBadRequest, "id is missing")
	case req.batch && single.given != "":
		return req, refuse(CodeBadRequest, "%s stands beside objects: give it for each object", single.given)
	case req.batch:
		return req, checkObjectCount(len(req.objects))
	}
	req.objects = []reported{single}
	return req, single.check()
}

func readReported(r *jsonReader) (list []reported, err error) {
	err = r.array(func(r *jsonReader) error {
		if len(list) == maxObjects {
			return checkObjectCount(len(list) + 1)
		}
		var o reported
		if err := r.object(o.read); err != nil {
			return err
		}
		if o.uploadID != "" || o.abort {
			return refuse(CodeBadRequest, "a multipart upload is reported alone, not among objects")
		}
		list = append(list, o)
		return o.check()
	})
	return list, err
}

func (o *reported) read(r *jsonReader, name string) (err error) {
	switch name {
	case "objectKey":
		o.objectKey, err = r.text(name)
	case "size":
		o.hasSize = true
		o.size, err = r.integer(name)
	case "sha256":
		o.sha256, err = r.sha256()
	case "md5", "crc32", "crc64nvme":
		err = o.checksums.read(r, name)
	case "uploadId":
		o.uploadID, err = r.uploadID()
	case "abort":
		o.abort, err = r.truth(name)
	default:
		return unknownField(name, "id", "objectKey", "size", "sha256", "md5", "crc32", "crc64nvme", "uploadId", "abort", "objects")
	}
	o.given = name
	return err
}

func (o *reported) check() error {
	switch {
	case o.objectKey == "":
		return refuse(CodeBadRequest, "objectKey is missing")
	case o.abort:
		return o.checkAbort()
	case !o.hasSize:
		return refuse(CodeBadRequest, "size is missing")
	case o.size < 0 || o.size > MaxMultipartSize:
		return refuse(CodeBadRequest, "size is %d, which no object can have", o.size)
	case o.uploadID != "":
		return o.checkAssembly()
	}
	return nil
}
