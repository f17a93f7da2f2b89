// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package devstack_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"thingpass/broker/devstack"
)

// TestTheAWSCLIsUploadsAreTaken sends what the AWS CLI and SDKs send by default:
// aws-chunked with a trailing checksum, and no Content-Length.
func TestTheAWSCLIsUploadsAreTaken(t *testing.T) {
	s := startS3(t, func(o *devstack.S3Options) { o.MaxObjectSize = 4 << 20 })
	for _, size := range []int{1, 64 << 10, 1<<20 - 10, 3 << 20} { // in memory, around the limit, in a file
		content := bytes.Repeat([]byte("thingpass "), size/10+1)[:size]
		key := fmt.Sprintf("cli/%d", size)
		if status, text := s.putChunked(key, content, checksum(content)); status != http.StatusOK {
			t.Errorf("%d bytes: %d %s", size, status, text)
		}
		stored, err := os.ReadFile(filepath.Join(s.dir, bucket, key))
		if err != nil || !bytes.Equal(stored, content) {
			t.Errorf("%d bytes: stored %d (%v)", size, len(stored), err)
		}
	}
	content := []byte("something")
	if status, text := s.putChunked("cli/wrong", content, checksum([]byte("another"))); status != http.StatusBadRequest {
		t.Errorf("a wrong checksum: %d %s", status, text)
	}
	if status, text := s.putChunked("cli/large", make([]byte, 8<<20), checksum(nil)); status != http.StatusBadRequest {
		t.Errorf("too large: %d %s", status, text)
	}
	for _, key := range []string{"cli/wrong", "cli/large"} {
		if _, err := os.Stat(filepath.Join(s.dir, bucket, key)); err == nil {
			t.Errorf("%s was stored", key)
		}
	}
}

func checksum(content []byte) string {
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(content)))
}

func (s *testS3) putChunked(key string, content []byte, sum string) (int, string) {
	s.t.Helper()
	const payload = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
	body := fmt.Sprintf("%x\r\n%s\r\n0\r\nx-amz-checksum-crc32:%s\r\n\r\n", len(content), content, sum)
	// A reader of unknown length makes net/http use Transfer-Encoding: chunked.
	request, err := http.NewRequestWithContext(s.t.Context(), http.MethodPut, fmt.Sprintf("https://%s/%s/%s", s.Addr(), bucket, key),
		io.MultiReader(bytes.NewReader([]byte(body))))
	if err != nil {
		s.t.Fatal(err)
	}
	request.Header.Set("Content-Encoding", "aws-chunked")
	request.Header.Set("X-Amz-Content-Sha256", payload)
	request.Header.Set("X-Amz-Decoded-Content-Length", strconv.Itoa(len(content)))
	request.Header.Set("X-Amz-Trailer", "x-amz-checksum-crc32")
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	keys := s.credentials()
	if err := signer.SignHTTP(s.t.Context(), keys, request, payload, "s3", "us-east-1", time.Now()); err != nil {
		s.t.Fatal(err)
	}
	response, err := s.http.Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return response.StatusCode, string(text)
}
