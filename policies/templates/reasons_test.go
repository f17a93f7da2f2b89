// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package templates_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"thingpass/policies/templates"
)

// TestEveryStatementHasAReason: and every reason a statement.
func TestEveryStatementHasAReason(t *testing.T) {
	t.Parallel()
	for _, s := range subjects(t) {
		_, statements := s.decode()
		var sids []string
		for _, each := range statements {
			statement := each.(map[string]any)
			sid := statement["Sid"].(string)
			sids = append(sids, sid)
			reason := s.reasons.Statements[sid]
			if reason.Why == "" || len(reason.Needs)+len(reason.Prevents) == 0 {
				t.Errorf("%s: %s has no reason", s.name, sid)
			}
			keys := conditionKeys(statement)
			if given := slices.Sorted(maps.Keys(reason.Conditions)); !slices.Equal(keys, given) {
				t.Errorf("%s: %s: conditions on %q, reasons for %q", s.name, sid, keys, given)
			}
		}
		slices.Sort(sids)
		if given := slices.Sorted(maps.Keys(s.reasons.Statements)); !slices.Equal(sids, given) {
			t.Errorf("%s: statements %q, reasons for %q", s.name, sids, given)
		}
	}
}

func conditionKeys(statement map[string]any) []string {
	var keys []string
	conditions, _ := statement["Condition"].(map[string]any)
	for _, block := range conditions {
		for key := range block.(map[string]any) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// TestDocumentsAllowWhatIsNeededAndNothingElse.
func TestDocumentsAllowWhatIsNeededAndNothingElse(t *testing.T) {
	t.Parallel()
	for _, s := range subjects(t) {
		if lost := s.lost(s.text, s.needs()); len(lost) > 0 {
			t.Errorf("%s denies what is needed:\n%s", s.name, strings.Join(lost, "\n"))
		}
		never := slices.Clone(s.reasons.Never)
		for _, reason := range s.reasons.Statements {
			never = append(never, reason.Prevents...)
			for _, c := range reason.Conditions {
				never = append(never, c.Prevents...)
			}
		}
		if len(s.reasons.Never) == 0 {
			t.Errorf("%s: nothing that it must never allow", s.name)
		}
		for _, o := range never {
			if s.allows(s.text, o) {
				t.Errorf("%s allows %s", s.name, nameOf(o))
			}
		}
	}
}

// TestNoStatementCanGo takes each away: exactly what its reason names is lost, or
// becomes possible.
func TestNoStatementCanGo(t *testing.T) {
	t.Parallel()
	for _, s := range subjects(t) {
		_, statements := s.decode()
		for i, each := range statements {
			sid := each.(map[string]any)["Sid"].(string)
			reason := s.reasons.Statements[sid]
			text := s.without(i, func(map[string]any) map[string]any { return nil })
			if lost, want := s.lost(text, s.needs()), namesOf(reason.Needs); !slices.Equal(lost, want) {
				t.Errorf("%s without %s loses\n%s\nwant\n%s", s.name, sid, strings.Join(lost, "\n"), strings.Join(want, "\n"))
			}
			if still := s.lost(text, reason.Prevents); len(still) > 0 {
				t.Errorf("%s without %s denies all the same\n%s", s.name, sid, strings.Join(still, "\n"))
			}
			for other, r := range s.reasons.Statements {
				if got := s.lost(text, r.Prevents); other != sid && len(got) != len(r.Prevents) {
					t.Errorf("%s without %s allows what %s prevents", s.name, sid, other)
				}
			}
		}
	}
}

// TestNoActionAndNoResourceCanGo takes each away from lists of several: something
// is lost each time, by one element alone, and in the end all that the statement
// is there for.
func TestNoActionAndNoResourceCanGo(t *testing.T) {
	t.Parallel()
	taken := 0
	for _, s := range subjects(t) {
		_, statements := s.decode()
		for i, each := range statements {
			for _, field := range []string{"Action", "Resource"} {
				list, _ := each.(map[string]any)[field].([]any)
				if len(list) < 2 {
					continue
				}
				taken += len(list)
				s.takeFrom(i, field, list)
			}
		}
	}
	if taken < 40 {
		t.Errorf("only %d actions and resources were taken away", taken)
	}
}

func (s subject) takeFrom(index int, field string, list []any) {
	s.t.Helper()
	_, statements := s.decode()
	sid := statements[index].(map[string]any)["Sid"].(string)
	reason := s.reasons.Statements[sid]
	var missed []string
	for j, element := range list {
		text := s.without(index, func(statement map[string]any) map[string]any {
			statement[field] = slices.Delete(slices.Clone(list), j, j+1)
			return statement
		})
		lost := s.lost(text, s.needs())
		for _, o := range reason.Prevents {
			if s.allows(text, o) {
				lost = append(lost, nameOf(o))
			}
		}
		if len(lost) == 0 {
			s.t.Errorf("%s: %s: nobody misses %s", s.name, sid, element)
		}
		for _, name := range lost {
			if field == "Action" && !strings.HasPrefix(name, element.(string)+" ") {
				s.t.Errorf("%s: %s without %s loses %s", s.name, sid, element, name)
			}
		}
		missed = append(missed, lost...)
	}
	slices.Sort(missed)
	want := namesOf(append(slices.Clone(reason.Needs), reason.Prevents...))
	if !slices.Equal(missed, want) {
		s.t.Errorf("%s: %s: elements of %s are missed by\n%s\nwant, each once,\n%s", s.name, sid, field, strings.Join(missed, "\n"), strings.Join(want, "\n"))
	}
}

// TestNoConditionCanGo: without it, what it prevents is allowed; a denial without
// its condition denies what is needed.
func TestNoConditionCanGo(t *testing.T) {
	t.Parallel()
	for _, s := range subjects(t) {
		_, statements := s.decode()
		for i, each := range statements {
			statement := each.(map[string]any)
			reason := s.reasons.Statements[statement["Sid"].(string)]
			for key, c := range reason.Conditions {
				text := s.without(i, func(m map[string]any) map[string]any { return withoutCondition(m, key) })
				s.judgeWithout(text, key, c, statement["Effect"] == "Deny")
			}
		}
	}
}

func (s subject) judgeWithout(text []byte, key string, c templates.Reason, deny bool) {
	s.t.Helper()
	switch {
	case c.Why == "":
		s.t.Errorf("%s: condition on %s: no reason", s.name, key)
	case deny:
		plain := templates.Operation{Action: "s3:PutObject", Resource: "arn:aws:s3:::photos/cam1/a.jpg"}
		if !s.allows(s.text, plain) || s.allows(text, plain) {
			s.t.Errorf("%s: the denial's condition on %s decides nothing", s.name, key)
		}
	case c.Spare != (len(c.Prevents) == 0):
		s.t.Errorf("%s: condition on %s: either it prevents something or it is spare", s.name, key)
	default:
		if still := s.lost(text, c.Prevents); len(still) > 0 {
			s.t.Errorf("%s: without its condition on %s it denies all the same\n%s", s.name, key, strings.Join(still, "\n"))
		}
	}
	if c.Spare {
		for _, o := range s.reasons.Never {
			if s.allows(text, o) {
				s.t.Errorf("%s: the condition on %s is not spare: %s", s.name, key, nameOf(o))
			}
		}
	}
}

func withoutCondition(statement map[string]any, key string) map[string]any {
	conditions := statement["Condition"].(map[string]any)
	for operator, block := range conditions {
		delete(block.(map[string]any), key)
		if len(block.(map[string]any)) == 0 {
			delete(conditions, operator)
		}
	}
	if len(conditions) == 0 {
		delete(statement, "Condition")
	}
	return statement
}
