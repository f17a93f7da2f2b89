// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package explain

import "strings"

// judgeSignature computes the signature, if the secret is known. If it is
// another than the one sent, all the usual slips are tried in turn: the one that
// leads to the signature sent is the mistake that was made.
func judgeSignature(e *evidence) {
	if e.options.Secret == "" {
		return
	}
	for _, r := range e.requests {
		a := r.auth
		if a == nil || len(a.scope) != 4 || len(a.signature) < 64 || a.date == "" {
			continue
		}
		if e.options.Token != "" && a.token != "" && plain(a.token) != e.options.Token {
			e.add("token-of-others", Certain, "", r.at, "the session token that is sent is not the one of the credentials given")
		}
		if text, known := expected(r); text == "" || !known && r.method != "" && r.whole() {
			continue
		}
		e.verify(r)
		return
	}
}

// verify sets the verdict on r, and names the slip.
func (e *evidence) verify(r *request) {
	want := strings.ToLower(r.auth.signature)
	s := slipSearch{e.options.Secret, r, want}
	if r.method == "" { // a bare URL may be for any method
		for _, method := range []string{"PUT", "GET", "HEAD", "POST", "DELETE"} {
			probe := *r
			probe.method = method
			text, known := expected(&probe)
			if known && s.leads(text) {
				e.verdict, e.canonical, e.toSign = "right, for "+method, text, toSignFor(r.auth, text)
				e.show(hexSHA256(text))
				return
			}
		}
		s.request = r.withMethod("PUT")
	}
	text, known := expected(s.request)
	if !known {
		return
	}
	if s.leads(text) {
		e.verdict = "right"
		return
	}
	e.verdict = "wrong"
	for _, h := range s.hypotheses(text) {
		if h.made() == want {
			e.add(h.id, Certain, "", r.at, "the signature is the one that comes out if %s", h.what)
			return
		}
	}
	e.add("signature-differs", Likely, r.auth.signature, r.auth.at,
		"the signature is not that of this secret key for the request below, nor does any of the usual slips lead to it")
}

func (r *request) withMethod(method string) *request {
	probe := *r
	probe.method = method
	return &probe
}
