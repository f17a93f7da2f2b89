// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package devstack

import (
	"io"
	"mime/multipart"
	"reflect"
	"strings"
	"testing"
	"time"
)

// FuzzForm checks that a form which is taken says the same after it was written
// anew: nothing in a value, a name or a file's name can add a field, or hide one.
func FuzzForm(f *testing.F) {
	const boundary = "b7Kq"
	part := func(disposition, value string) string {
		return "--" + boundary + "\r\nContent-Disposition: form-data; " + disposition + "\r\n\r\n" + value + "\r\n"
	}
	end := "--" + boundary + "--\r\n"
	file := part(`name="file"; filename="a\"b.jpg"`, "bytes")
	for _, text := range []string{
		part(`name="key"`, "cam1/photo/${filename}") + file + end,
		part(`name="key"`, "cam1/../cam2/x") + file + end,
		part(`name="key"`, "a") + part(`name="KEY"`, "b") + file + end,
		part(`name="key"`, "a\r\n--"+boundary+"x\r\n") + file + part(`name="late"`, "x") + end,
		part(`name="x"; filename="y"`, "z") + file + end,
		part(`name="key"`, "a\n--"+boundary+"\n") + file + end,
		file + file + end,
		file,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 1<<16 { // larger ones go through a file
			return
		}
		server := &front{maxSize: 1 << 20, now: time.Now}
		first, body, ok := readBack(t, server, text, boundary)
		if !ok || server.judgeForm(first) != nil {
			return
		}
		again, sameBody, ok := readBack(t, server, first.write(boundary)+body+"\r\n"+end, boundary)
		if !ok || !reflect.DeepEqual(again.fields, first.fields) || sameBody != body {
			t.Fatalf("%q is another form when it is written anew: %q with %q, then %+v with %q", text, first.fields, body, again, sameBody)
		}
		for _, field := range first.fields {
			if field.name == "key" && strings.Contains("/"+field.value+"/", "/../") {
				t.Fatalf("the key %q was taken", field.value)
			}
		}
	})
}

func readBack(t *testing.T, server *front, text, boundary string) (read *form, body string, ok bool) {
	t.Helper()
	read, file, _, err := server.readForm(multipart.NewReader(strings.NewReader(text), boundary))
	if err != nil {
		return nil, "", false
	}
	defer file.Close()
	bytes, err := io.ReadAll(file)
	if err != nil {
		t.Fatal(err)
	}
	return read, string(bytes), true
}
