// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package devstack

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"
)

// maxInMemory is the largest body that is kept in memory, bytes: a photo is,
// a video is not.
const maxInMemory = 1 << 20

// spool reads a request's whole body. It is the caller's to close.
func (f *front) spool(w *statusWriter, r *http.Request) (io.ReadCloser, error) {
	body := &patientReader{r: r.Body, control: w.control, silence: f.silence}
	spooled, size, err := f.store(body, r.ContentLength)
	if err != nil {
		return nil, bodyError(err)
	}
	if r.ContentLength < 0 { // see awsChunked
		r.Header.Set("Content-Length", strconv.FormatInt(size, 10))
	}
	w.patienceEnds()
	return spooled, nil
}

// patienceEnds lifts the deadline, which must not strike the answer or the next
// request.
func (w *statusWriter) patienceEnds() { _ = w.control.SetReadDeadline(time.Time{}) }

// bodyError says in S3's words why a body could not be read.
func bodyError(err error) error {
	switch {
	case isTimeout(err):
		return s3Error{http.StatusBadRequest, "RequestTimeout",
			"Your socket connection to the server was not read from or written to within the timeout period."}
	case errors.Is(err, io.ErrUnexpectedEOF):
		return s3Error{http.StatusBadRequest, "IncompleteBody",
			"You did not provide the number of bytes specified by the Content-Length HTTP header."}
	case errors.As(err, new(s3Error)):
		return err
	default:
		return fmt.Errorf("read the body: %w", err)
	}
}

// store keeps body to its end, which a broken connection does not reach, and
// tells its size. want is the size that was announced, or negative.
func (f *front) store(body io.Reader, want int64) (io.ReadCloser, int64, error) {
	var text bytes.Buffer
	size, err := io.CopyN(&text, body, maxInMemory+1)
	if errors.Is(err, io.EOF) {
		return io.NopCloser(&text), size, whole(size, want)
	}
	if err != nil {
		return nil, 0, err
	}
	file, err := f.keep(func(file io.Writer) (err error) {
		most := f.maxSize + f.maxSize/64 + maxInMemory // the chunks' own lines come on top
		size, err = io.Copy(file, io.LimitReader(io.MultiReader(&text, body), most+1))
		if err == nil && size > most {
			return entityTooLarge
		}
		return errors.Join(err, whole(size, want))
	})
	return file, size, err
}

// whole is an error if a body is not of the size that was announced.
func whole(size, want int64) error {
	if want >= 0 && size != want {
		return io.ErrUnexpectedEOF
	}
	return nil
}

// keep returns a file without a name, from its start, after write has filled it:
// nothing is left behind by a kill.
func (f *front) keep(write func(io.Writer) error) (io.ReadCloser, error) {
	file, err := os.CreateTemp(f.spoolDir, ".upload-") // mode 0600
	if err != nil {
		return nil, err
	}
	os.Remove(file.Name())
	if err := write(file); err != nil {
		file.Close()
		return nil, err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

// patientReader waits for each piece as long as silence, for the whole as long
// as it takes: things are slow.
type patientReader struct {
	r       io.Reader
	control *http.ResponseController
	silence time.Duration
}

func (p *patientReader) Read(b []byte) (int, error) {
	if err := p.control.SetReadDeadline(time.Now().Add(p.silence)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return 0, err
	}
	return p.r.Read(b)
}
