// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package lint_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"thingpass/policies/lint"
)

// No document keeps the linter busy for long, however its wildcards lie: each of
// these took minutes when everything was compared.
func TestNoDocumentTakesLong(t *testing.T) {
	t.Parallel()
	for what, resource := range map[string]func(int) string{
		"many question marks":     func(i int) string { return fmt.Sprintf("topic/*a%d???????????????????*d%d?*", i%7, i%5) },
		"question marks in parts": func(i int) string { return fmt.Sprintf("topic/*a%d?b*c?????*d%d?*", i%7, i%5) },
		"variables":               func(i int) string { return fmt.Sprintf("topic/${iot:ClientId}?%d*"+T+"*?%d", i%7, i%9) },
		"parts of levels":         func(i int) string { return fmt.Sprintf("topic/*a%d*b/"+T, i) },
		"filters":                 func(i int) string { return fmt.Sprintf("topicfilter/*a%d/+/b*/c#?????/*d%d?*", i%7, i%5) },
	} {
		for _, n := range []int{16, 30, 400} {
			var resources []string
			for i := range n {
				resources = append(resources, resource(i))
			}
			text := doc(allow("iot:Publish iot:Receive iot:Subscribe", strings.Join(resources, " ")))
			start := time.Now()
			r := lint.Run([]lint.Input{{Name: "a.json", Text: []byte(text), Kind: lint.Thing}}, lint.Options{})
			if took := time.Since(start); took > 10*time.Second {
				t.Errorf("%s, %d resources: %v", what, n, took)
			}
			if what == "parts of levels" && n == 30 && !has(r, "IOT029") {
				t.Errorf("nobody says that nothing was proven: %v", r.Findings)
			}
			if n == 400 && !strings.Contains(fmt.Sprint(r.Findings), "IOT029 were not tried") {
				t.Errorf("nobody says what was not tried: %v", r.Findings[0])
			}
		}
	}
}
