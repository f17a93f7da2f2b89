// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package devstack

// S3's POST takes a form. versitygw holds it to its policy, but reads some forms
// otherwise than S3: the last of doubled fields counts, any part with a file name
// is the file, parts behind the file become its contents, ${filename} stays as it
// is, and nothing bounds the fields. So the front takes a form apart, refuses
// what is ambiguous, and writes it anew as S3 would see it.

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"
)

// maxFormFields is S3's limit for what stands before the file, bytes.
const maxFormFields = 20 << 10

// form is a form without its file.
type form struct {
	fields   []formField
	filename string
}

type formField struct{ name, value string }

func malformedForm(format string, args ...any) error {
	return s3Error{http.StatusBadRequest, "MalformedPOSTRequest",
		"The body of your POST request is not well-formed multipart/form-data: " + fmt.Sprintf(format, args...)}
}

func oddForm(format string, args ...any) error {
	return s3Error{http.StatusBadRequest, "InvalidArgument", fmt.Sprintf(format, args...)}
}

// formBoundary is what separates the parts of a form; "" for any other request.
func formBoundary(r *http.Request) string {
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" || r.Method != http.MethodPost {
		return ""
	}
	return params["boundary"]
}

// spoolForm is spool for a form: it returns the body that S3 would have seen.
func (f *front) spoolForm(w *statusWriter, r *http.Request, boundary string) (io.ReadCloser, error) {
	if r.ContentLength < 0 { // see awsChunked: a form is not sent like that
		return nil, missingLength
	}
	body := bufio.NewReader(&patientReader{r: r.Body, control: w.control, silence: f.silence})
	// A reader of mail would take bare newlines and text before the first part.
	start := "--" + boundary + "\r\n"
	if begin, err := body.Peek(len(start)); err != nil || string(begin) != start {
		return nil, malformedForm("it does not begin with the boundary and CRLF")
	}
	read, file, size, err := f.readForm(multipart.NewReader(body, boundary))
	if err != nil {
		return nil, bodyError(err)
	}
	if _, err := io.Copy(io.Discard, body); err != nil {
		file.Close()
		return nil, bodyError(err)
	}
	w.patienceEnds()
	err = f.judgeForm(read)
	if err == nil {
		err = f.judgeSession(f.bucket(r), read)
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	before, after := read.write(boundary), "\r\n--"+boundary+"--\r\n"
	r.Header.Set("Content-Length", strconv.FormatInt(int64(len(before))+size+int64(len(after)), 10))
	return struct {
		io.Reader
		io.Closer
	}{io.MultiReader(strings.NewReader(before), file, strings.NewReader(after)), file}, nil
}

// readForm reads the fields, the file and whatever follows it.
func (f *front) readForm(parts *multipart.Reader) (*form, io.ReadCloser, int64, error) {
	read := &form{}
	for room := maxFormFields; ; {
		part, err := parts.NextRawPart()
		if err != nil {
			return nil, nil, 0, formEnd(err, oddForm("POST requires exactly one file upload per request."))
		}
		name, filename, err := partName(part)
		if err != nil {
			return nil, nil, 0, err
		}
		if strings.EqualFold(name, "file") {
			read.filename = filename
			file, size, err := f.store(part, -1)
			if err != nil {
				return nil, nil, 0, err
			}
			if err := onlyOneFile(parts); err != nil {
				file.Close()
				return nil, nil, 0, err
			}
			return read, file, size, nil
		}
		value, err := io.ReadAll(io.LimitReader(part, int64(room)+1))
		if err != nil {
			return nil, nil, 0, err
		}
		if room -= len(name) + len(value); room < 0 {
			return nil, nil, 0, s3Error{http.StatusBadRequest, "MaxPostPreDataLengthExceeded", "Your POST request fields preceding the upload file were too large."}
		}
		read.fields = append(read.fields, formField{name, string(value)})
	}
}

// formEnd tells a form that ends from one that breaks off.
func formEnd(err, atEnd error) error {
	switch {
	case err == io.EOF:
		return atEnd
	case errors.Is(err, io.EOF):
		return malformedForm("the last boundary is missing")
	}
	return err
}

// partName returns a part's field name, and the name of its file.
func partName(part *multipart.Part) (name, filename string, err error) {
	kind, params, err := mime.ParseMediaType(part.Header.Get("Content-Disposition"))
	if err != nil || kind != "form-data" || !plainFormName(params["name"]) {
		return "", "", malformedForm("a part has no name")
	}
	name = params["name"]
	filename, isFile := params["filename"]
	if isFile && !strings.EqualFold(name, "file") {
		return "", "", oddForm("POST requires exactly one file upload per request: the field %s is another.", name)
	}
	return name, filename, nil
}

// plainFormName is what needs no quoting when it is written again.
func plainFormName(s string) bool {
	return s != "" && strings.IndexFunc(s, func(c rune) bool { return c <= ' ' || c > '~' || c == '"' || c == '\\' }) < 0
}

// onlyOneFile skips what follows the file: S3 ignores it, but for a second file.
func onlyOneFile(parts *multipart.Reader) error {
	for {
		part, err := parts.NextRawPart()
		if err != nil {
			return formEnd(err, nil)
		}
		if strings.EqualFold(part.FormName(), "file") || part.FileName() != "" {
			return oddForm("POST requires exactly one file upload per request.")
		}
	}
}

// judgeForm puts the file's name in, and refuses what versitygw would not.
func (f *front) judgeForm(read *form) error {
	if err := read.putFilename(); err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, field := range read.fields {
		name := strings.ToLower(field.name)
		// Metadata may be doubled, and is joined with commas.
		if seen[name] && !strings.HasPrefix(name, "x-amz-meta-") {
			return oddForm("The field %s is there twice.", name)
		}
		seen[name] = true
		if err := f.judgeField(name, field.value); err != nil {
			return err
		}
	}
	return nil
}

func (f *front) judgeField(name, value string) error {
	switch name {
	case "key":
		return checkKey(value)
	case "x-amz-date":
		return notAhead(value, f.now())
	}
	return nil
}

// putFilename replaces S3's variable by the last part of the file's name.
func (read *form) putFilename() error {
	const variable = "${filename}"
	name := read.filename[strings.LastIndexAny(read.filename, `/\`)+1:]
	for i := range read.fields {
		if !strings.Contains(read.fields[i].value, variable) {
			continue
		}
		if strings.ContainsAny(name, "\r\n\x00") {
			return oddForm("The name of the file has a line break.")
		}
		read.fields[i].value = strings.ReplaceAll(read.fields[i].value, variable, name)
	}
	return nil
}

// write returns the form up to the first byte of the file.
func (read *form) write(boundary string) string {
	var b bytes.Buffer
	for _, field := range read.fields {
		fmt.Fprintf(&b, "--%s\r\nContent-Disposition: form-data; name=%q\r\n\r\n%s\r\n", boundary, field.name, field.value)
	}
	// versitygw's HTTP server takes the parts apart as well, and puts them together
	// in another order: only what has a file name comes last.
	fmt.Fprintf(&b, "--%s\r\nContent-Disposition: form-data; name=\"file\"; filename=\"file\"\r\n\r\n", boundary)
	return b.String()
}
