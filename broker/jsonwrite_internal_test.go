// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package broker

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
)

// marshal is what encoding/json writes.
func marshal(t *testing.T, v any) string {
	t.Helper()
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(buf.String(), "\n")
}

// fill sets the fields of a struct one after the other, calls check each time, and
// leaves them all set.
func fill(t *testing.T, v reflect.Value, check func(field string)) {
	t.Helper()
	for i := range v.NumField() {
		field, name := v.Field(i), v.Type().Field(i).Name
		switch value := field.Addr().Interface().(type) {
		case *string:
			*value = name + ` of "x"`
		case *Code:
			*value = CodeBusy
		case *int64:
			*value = int64(i) - 7 // one is zero
		case **int64:
			*value = new(int64)
		case *time.Time:
			*value = time.Date(2026, 11, 23, 9, 0, 0, 123456000, time.FixedZone("", 3600)).UTC()
		case *map[string]string:
			*value = map[string]string{"x-b": "2", "Content-Type": "image/jpeg", "x-a": "é\n"}
		case *[]reply:
			*value = []reply{{}, {ID: "a", Status: statusError, Size: new(int64)}}
		default:
			t.Fatalf("field %s: say how a %T is filled", name, value)
		}
		check(name)
	}
}

func TestRepliesAreWrittenAsByEncodingJSON(t *testing.T) {
	var r reply
	check := func(field string) {
		if got, want := string(r.appendJSON(nil)), marshal(t, r); got != want {
			t.Fatalf("is the field in appendJSON? with %s:\n%s, want\n%s", field, got, want)
		}
	}
	check("nothing")
	fill(t, reflect.ValueOf(&r).Elem(), check)
}

func TestEntriesAreWrittenAsByEncodingJSON(t *testing.T) {
	var e Entry
	check := func(field string) {
		if got, want := string(e.appendAt(nil, e.at(nil))), marshal(t, e); got != want {
			t.Fatalf("is the field in appendJSON? with %s:\n%s, want\n%s", field, got, want)
		}
	}
	check("nothing")
	fill(t, reflect.ValueOf(&e).Elem(), check)
}

func FuzzAppendString(f *testing.F) {
	for c := range 256 {
		f.Add(strings.Repeat("x", c%17) + string([]byte{byte(c)}) + "and on")
	}
	for _, s := range []string{"", "plain", "\u2028\u2029\u2027", "é日本😀", "\xff\xc3", `a"b\c<&>`, strings.Repeat("long enough ", 9)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got, want := string(appendString(nil, s)), marshal(t, s); got != want {
			t.Fatalf("%q: %s, want %s", s, got, want)
		}
	})
}
