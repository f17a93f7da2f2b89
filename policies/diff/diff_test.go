// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package diff_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"thingpass/policies"
	"thingpass/policies/diff"
	"thingpass/policies/explain"
)

var place = policies.Place{Partition: "aws", Region: "eu-central-1", Account: "123456789012"}

const arn = "arn:aws:iot:eu-central-1:123456789012:"

func parse(tb testing.TB, name string, statements ...string) []*policies.Document {
	tb.Helper()
	text := `{"Version": "2012-10-17", "Statement": [` + strings.Join(statements, ",\n") + `]}`
	text = strings.NewReplacer("@", arn, "${T}", "${iot:Connection.Thing.ThingName}").Replace(text)
	d, err := policies.Parse(name, []byte(text))
	if err != nil {
		tb.Fatal(err, text)
	}
	return []*policies.Document{d}
}

// s is a statement: effect, action, resource, and perhaps a condition.
func s(words ...string) string {
	out := fmt.Sprintf(`{"Effect": %q, "Action": %q, "Resource": %q`, words[0], words[1], words[2])
	if len(words) > 3 {
		out += `, "Condition": ` + words[3]
	}
	return out + "}"
}

func compare(tb testing.TB, before, after []*policies.Document) diff.Result {
	tb.Helper()
	subjects, limits := diff.Symbolic(before, after, place, "photos")
	r := diff.Compare(subjects)
	r.Limits = append(r.Limits, limits...)
	return r
}

func text(tb testing.TB, r diff.Result) string {
	tb.Helper()
	var out strings.Builder
	if err := r.Print(&out); err != nil {
		tb.Fatal(err)
	}
	return out.String()
}

func TestWhatAChangeChanges(t *testing.T) {
	t.Parallel()
	own := s("Allow", "iot:Publish", "@topic/t/${T}/ask")
	for _, c := range []struct {
		what          string
		before, after []string
		want          []string // in the text; the first "" says that nothing differs
	}{
		{"another's topic", []string{own}, []string{s("Allow", "iot:Publish", "@topic/t/*/ask")},
			[]string{"widening   thing A gains publish to t/*/ask\n", "example: t/B/ask, which belongs to thing B", "because: statement 1 (after.json:1:41) allows it"}},
		{"the neighbour", []string{own}, []string{s("Allow", "iot:Publish", "@topic/t/${T}*/ask")}, []string{"widening   thing A gains publish to t/A*/ask", "example: t/AB/ask"}},
		{"a topic less", []string{own, s("Allow", "iot:Publish", "@topic/news")}, []string{own},
			[]string{"narrowing  thing A loses publish to news", "nothing allows it any more; statement 2 (before.json:2:1) did"}},
		{"a Deny", []string{own}, []string{own, s("Deny", "iot:Publish", "@topic/t/${T}/ask")}, []string{"narrowing", "because: statement 2 (after.json:2:1) denies it"}},
		{"a Deny less", []string{own, s("Deny", "iot:Publish", "@topic/t/*")}, []string{own}, []string{"widening", "statement 2 (before.json:2:1) denies it no longer"}},
		{"a Deny that nothing needs yet", []string{own}, []string{own, s("Deny", "iot:Publish", "@topic/x")}, []string{"denial     thing A: publish to x is denied as before, in another way"}},
		{"an Allow that becomes a Deny", []string{own}, []string{s("Deny", "iot:Publish", "@topic/t/${T}/ask")}, []string{"narrowing  thing A loses publish to t/A/ask"}},
		{"a condition less", []string{s("Allow", "iot:Publish", "@topic/x", `{"StringEquals": {"iot:Connection.Thing.ThingTypeName": "camera"}}`)},
			[]string{s("Allow", "iot:Publish", "@topic/x")}, []string{"widening   thing A gains publish to x"}},
		{"another type", []string{s("Allow", "iot:Publish", "@topic/x", `{"StringEquals": {"iot:Connection.Thing.ThingTypeName": "camera"}}`)},
			[]string{s("Allow", "iot:Publish", "@topic/x", `{"StringEquals": {"iot:Connection.Thing.ThingTypeName": "door"}}`)},
			[]string{"widening   thing A, iot:Connection.Thing.ThingTypeName=door gains", "narrowing  thing A, iot:Connection.Thing.ThingTypeName=camera loses"}},
		{"who is attached to nothing", []string{s("Allow", "iot:Connect", "@client/${T}")}, []string{s("Allow", "iot:Connect", "@client/${iot:ClientId}")},
			[]string{"widening   a certificate of no thing under client id A gains connect as A"}},
		{"persistent sessions", []string{s("Allow", "iot:Connect", "@client/${T}", `{"ForAllValues:StringNotEquals": {"iot:ConnectAttributes": ["PersistentConnect"]}}`)},
			[]string{s("Allow", "iot:Connect", "@client/${T}")}, []string{"widening   thing A, with a persistent session gains connect as A"}},
		{"a filter with +", []string{own}, []string{own, s("Allow", "iot:Subscribe", "@topicfilter/t/+/ask")}, []string{"gains subscribe to t/+/ask", "example: t/+/ask"}},
		{"a topic with +", []string{own}, []string{own, s("Allow", "iot:Publish", "@topic/t/+/ask")}, []string{"note: no topic has + or # in it: this has no effect"}},
		{"keys", []string{s("Allow", "s3:PutObject", "arn:aws:s3:::photos/${credentials-iot:ThingName}/*")}, []string{s("Allow", "s3:PutObject", "arn:aws:s3:::photos/${credentials-iot:ThingName}*")},
			[]string{"gains s3:PutObject on arn:aws:s3:::photos/A*"}},
		{"another action", []string{s("Allow", "s3:PutObject", "arn:aws:s3:::photos/*")}, []string{s("Allow", "s3:*", "arn:aws:s3:::photos/*")}, []string{"gains s3:GetObject on"}},
		{"merged, split and renamed", []string{own, s("Allow", "iot:Publish", "@topic/x")},
			[]string{`{"Sid": "Both", "Effect": "Allow", "Action": ["iot:publish"], "Resource": ["@topic/x", "@topic/t/${T}/ask"]}`}, []string{""}},
		{"covered anyway", []string{s("Allow", "iot:Publish", "@topic/t/*")}, []string{s("Allow", "iot:Publish", "@topic/t/*"), own}, []string{""}},
		{"the wrong kind", []string{own}, []string{own, s("Allow", "iot:Publish", "@topicfilter/x")}, []string{""}},
		{"a variable that never resolves", []string{own}, []string{own, s("Allow", "iot:Receive", "@topic/${iot:Connection.Thing.Nonsense}")}, []string{""}},
		{"a field of the certificate", []string{own}, []string{own, s("Allow", "iot:Receive", "@topic/${iot:Certificate.Subject.CommonName}")}, []string{"gains receive from VALUE"}},
	} {
		got := text(t, compare(t, parse(t, "before.json", c.before...), parse(t, "after.json", c.after...)))
		for _, want := range c.want {
			if want == "" {
				want = "no difference"
			}
			if !strings.Contains(got, want) {
				t.Errorf("%s: lacks %q:\n%s", c.what, want, got)
			}
		}
	}
}

func TestMarkdownAndWidening(t *testing.T) {
	t.Parallel()
	r := compare(t, parse(t, "before.json", s("Allow", "iot:Publish", "@topic/a")), parse(t, "after.json", s("Allow", "iot:Publish", "@topic/a|b")))
	var out strings.Builder
	if err := r.PrintMarkdown(&out); err != nil || !strings.Contains(out.String(), "| **widening** | thing A | gains publish to a\\|b | `a\\|b` |") {
		t.Error(out.String(), err)
	}
	if !r.Has(diff.Widening) || !r.Has(diff.Narrowing) || r.Has(diff.Denial) {
		t.Errorf("%+v", r)
	}
}

// mutants are documents at random, near enough to each other to be confused.
type mutants struct{ *rand.Rand }

func (m mutants) pick(of ...string) string { return of[m.IntN(len(of))] }

func (m mutants) resource(kind string) string {
	var levels []string
	for range 1 + m.IntN(3) {
		levels = append(levels, m.pick("t", "${T}", "*", "n", "${T}*", "t?", "+", "${iot:ClientId}", "n*"))
	}
	return "@" + kind + "/" + strings.Join(levels, "/")
}

func (m mutants) statement() string {
	action := m.pick("iot:Publish", "iot:Publish", "iot:Receive", "iot:*")
	words := []string{m.pick("Allow", "Allow", "Allow", "Deny"), action, m.resource(m.pick("topic", "topic", "topicfilter"))}
	if m.IntN(4) == 0 {
		words = append(words, m.pick(
			`{"StringEquals": {"iot:Connection.Thing.ThingTypeName": "camera"}}`,
			`{"StringNotEquals": {"iot:Connection.Thing.ThingTypeName": "camera"}}`,
			`{"Bool": {"iot:Connection.Thing.IsAttached": "true"}}`,
			`{"StringLike": {"iot:ClientId": "n*"}}`,
			`{"Null": {"iot:Connection.Thing.Attributes[site]": "true"}}`,
			`{"StringEqualsIfExists": {"iot:Connection.Thing.Attributes[site]": ["a", "b"]}}`))
	}
	return s(words...)
}

// The one mistake that a diff must not make is to say that nothing changed.
func TestNoDifferenceIsMissed(t *testing.T) {
	t.Parallel()
	m := mutants{rand.New(rand.NewPCG(5, 5))}
	topics := universe()
	differ := 0
	for round := range 100 {
		var before []string
		for range 1 + m.IntN(3) {
			before = append(before, m.statement())
		}
		after := append([]string{}, before...)
		switch at := m.IntN(len(after)); m.IntN(3) {
		case 0:
			after[at] = m.statement()
		case 1:
			after = append(after, m.statement())
		default:
			after = append(append([]string{}, after[:at]...), append(after[at+1:], m.statement())...)
		}
		o, n := parse(t, "before.json", before...), parse(t, "after.json", after...)
		subjects, _ := diff.Symbolic(o, n, place, "photos")
		r := diff.Compare(subjects)
		where := difference(subjects, topics)
		if where != "" {
			differ++
			if len(r.Changes) == 0 {
				t.Fatalf("round %d: %s, but nothing is reported\nbefore: %s\nafter: %s", round, where, before, after)
			}
		}
		sound(t, r, subjects)
	}
	if differ < 40 {
		t.Errorf("only %d of the rounds differed: the test is too easy", differ)
	}
}

// sound checks that what is reported is so: decisions on the example differ.
func sound(t *testing.T, r diff.Result, subjects []diff.Subject) {
	t.Helper()
	hidden := strings.NewReplacer("A", diff.NameA, "B", diff.NameB, "C", diff.NameC)
	for _, c := range r.Changes {
		for _, s := range subjects {
			kind := policies.ResourceKind(c.Action)
			if s.Who != c.Who || kind == "*" || strings.Contains(c.Example, "VALUE") {
				continue
			}
			resource := arn + kind + "/" + hidden.Replace(c.Example)
			a := explain.New(s.Old).Session(c.Action).Decide(c.Action, resource).Decision
			b := explain.New(s.New).Session(c.Action).Decide(c.Action, resource).Decision
			if a == b || c.Effect == diff.Widening && b != policies.Allowed || c.Effect == diff.Narrowing && a != policies.Allowed {
				t.Fatalf("%+v: %s before, %s after", c, a, b)
			}
		}
	}
}

func universe() []string {
	out, from := []string{""}, 0
	for range 4 {
		to := len(out)
		for _, w := range out[from:to] {
			for _, next := range []string{"t", "n", diff.NameA, diff.NameC, "x", "/", "+"} {
				out = append(out, w+next)
			}
		}
		from = to
	}
	return out[1:]
}

func difference(subjects []diff.Subject, topics []string) string {
	for _, s := range subjects {
		before, after := explain.New(s.Old), explain.New(s.New)
		for _, action := range []string{"iot:Publish", "iot:Receive"} {
			o, n := before.Session(action), after.Session(action)
			for _, topic := range topics {
				a, b := o.Decide(action, arn+"topic/"+topic).Decision, n.Decide(action, arn+"topic/"+topic).Decision
				if a != b {
					return fmt.Sprintf("%s: %s on %q is %s, was %s", s.Who, action, topic, b, a)
				}
			}
		}
	}
	return ""
}
