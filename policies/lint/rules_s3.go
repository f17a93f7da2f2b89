// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"slices"
	"strings"

	"thingpass/policies"
)

// s3Rules are about the bucket.
func s3Rules() []Rule {
	const everybody = `"Principal": "*", "Action": "s3:*", "Resource": ["arn:aws:s3:::photos", "arn:aws:s3:::photos/*"]`
	tls := `{"Sid": "Tls", "Effect": "Deny", ` + everybody + `, "Condition": {"Bool": {"aws:SecureTransport": "false"}}}`
	public := `{"Sid": "Public", "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::photos/*"}`
	cors := func(origin, expose string) Example {
		return Example{Kind: CORS, Text: "{\n  \"CORSRules\": [\n    {\"AllowedOrigins\": [\"" + origin + "\"], \"AllowedMethods\": [\"PUT\"], \"ExposeHeaders\": [" + expose + "]}\n  ]\n}\n"}
	}
	lifecycle := func(rules string) Example {
		return Example{Kind: Lifecycle, Text: "{\n  \"Rules\": [\n    " + rules + "\n  ]\n}\n"}
	}
	const abort = `{"ID": "leftovers", "Status": "Enabled", "Filter": {"Prefix": ""}, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 2}}`
	const expire = `{"ID": "old", "Status": "Enabled", "Filter": {"Prefix": "cam"}, "Expiration": {"Days": 30}}`
	return []Rule{
		{
			ID: "S3001", Severity: Error, Title: "a bucket without TLS only, or for everybody",
			Why:    "Objects and signatures would cross the net in the clear; or the world may read.",
			Fix:    "Deny where aws:SecureTransport is false; name principals; block public access.",
			Source: "S3, security-best-practices",
			Bad:    on(Bucket, public), Good: on(Bucket, tls),
			kinds: []Kind{Bucket, Block}, check: openBucket,
		},
		{
			ID: "S3002", Severity: Warning, Title: "CORS for any page, or without ETag",
			Why:    "With * any web page can use a URL that it has got hold of. Without ETag among ExposeHeaders a page cannot complete an upload in parts.",
			Fix:    "Name the page's origin; expose ETag.",
			Source: "S3, ManageCorsUsing",
			Bad:    cors("*", ""), Good: cors("https://photos.example.com", `"ETag"`),
			kinds: []Kind{CORS}, check: openCORS,
		},
		{
			ID: "S3003", Severity: Warning, Title: "leftovers of uploads stay for ever, or an expiry that meets no object",
			Why:    "The parts of an upload that nobody completes cost money and appear in no listing. A prefix that no key begins with expires nothing.",
			Fix:    "Add AbortIncompleteMultipartUpload for the whole bucket; correct the prefix.",
			Source: "S3, mpu-abort-incomplete-mpu-lifecycle-config",
			Bad:    lifecycle(expire), Good: lifecycle(abort + ",\n    " + expire),
			kinds: []Kind{Lifecycle}, check: leftovers, eased: func(r *run) bool { return r.opt.Keys == nil },
		},
	}
}

func sorted(s []string) []string {
	slices.Sort(s)
	return s
}

func text(v policies.Value) policies.Text { return policies.Text{Value: v.Text, Pos: v.Pos} }

func openBucket(p *pass) {
	if p.Kind == Block {
		for _, name := range []string{"BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"} {
			if v, _ := p.tree.Get(name); v.Text != "true" {
				p.find(Error, nil, policies.Text{Value: name, Pos: orStart(p, v.Pos)}, "write \""+name+"\": true", "%s is not true", name)
			}
		}
		return
	}
	tls := false
	for i := range p.statements {
		s := &p.statements[i]
		everybody := slices.ContainsFunc(s.Principals, func(t policies.Text) bool { return t.Value == "*" || t.Value == "AWS:*" })
		c := s.condition("aws:SecureTransport")
		tls = tls || !s.allow && everybody && c != nil && len(s.Conditions) == 1 && len(c.Values) == 1 && c.Values[0].Value == "false" && s.speaks("s3:PutObject")
		if s.allow && everybody && len(s.Conditions) == 0 {
			p.find(Error, s, s.Principals[0], "name who: {\"AWS\": \"arn:aws:iam::<account>:role/<role>\"}", "everybody on the net may do this")
		}
	}
	if !tls {
		p.find(Error, nil, p.start(), `deny s3:* to "*" with "Bool": {"aws:SecureTransport": "false"}, as our bucket-policy does`, "no statement denies access without TLS")
	}
}

func orStart(p *pass, pos policies.Position) policies.Position {
	if pos.Line == 0 {
		return p.tree.Pos
	}
	return pos
}

func openCORS(p *pass) {
	rules := p.tree.Items
	if v, found := p.tree.Get("CORSRules"); found {
		rules = v.Items
	}
	for _, rule := range rules {
		methods, _ := rule.Get("AllowedMethods")
		writes := slices.ContainsFunc(methods.Items, func(v policies.Value) bool { return v.Text == "PUT" || v.Text == "POST" || v.Text == "DELETE" })
		origins, _ := rule.Get("AllowedOrigins")
		for _, o := range origins.Items {
			if writes && strings.Contains(o.Text, "*") {
				p.find(Warning, nil, text(o), "name the page's origin: https://photos.example.com", "any web page that %q covers may store objects with a URL that it has got hold of", o.Text)
			}
		}
		exposed, _ := rule.Get("ExposeHeaders")
		etag := slices.ContainsFunc(exposed.Items, func(v policies.Value) bool { return strings.EqualFold(v.Text, "ETag") })
		if writes && !etag {
			p.find(Warning, nil, policies.Text{Value: "ExposeHeaders", Pos: orStart(p, rule.Pos)}, `add "ExposeHeaders": ["ETag"]`, "a page does not see the ETag of what it stored, and cannot complete an upload in parts")
		}
	}
}

func leftovers(p *pass) {
	rules, _ := p.tree.Get("Rules")
	aborts := false
	for _, rule := range rules.Items {
		if status, _ := rule.Get("Status"); status.Text != "Enabled" {
			continue
		}
		prefix := prefixOf(rule)
		_, aborting := rule.Get("AbortIncompleteMultipartUpload")
		aborts = aborts || aborting && prefix.Text == ""
		if _, expires := rule.Get("Expiration"); expires && prefix.Text != "" {
			p.judgePrefix(prefix)
		}
	}
	if !aborts {
		p.find(Warning, nil, policies.Text{Value: "Rules", Pos: orStart(p, rules.Pos)}, `add a rule with "Filter": {"Prefix": ""} and "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 2}`,
			"no rule for the whole bucket aborts uploads in parts that nobody completes")
	}
}

// prefixOf is where S3 has it, in each of the three forms.
func prefixOf(rule policies.Value) policies.Value {
	for _, way := range [][]string{{"Filter", "Prefix"}, {"Filter", "And", "Prefix"}, {"Prefix"}} {
		v, found := rule, true
		for _, name := range way {
			if found {
				v, found = v.Get(name)
			}
		}
		if found {
			return v
		}
	}
	return policies.Value{}
}
