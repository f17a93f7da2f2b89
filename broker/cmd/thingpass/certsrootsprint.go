// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"time"

	"thingpass/certs/amazon"
)

// rootsAnswer is what `certs roots` says of one chain.
type rootsAnswer struct {
	Chain        string        `json:"chain"` // RSA or ECDSA, or the file
	Certificates []shownCert   `json:"certificates"`
	Roots        []trustedRoot `json:"roots"` // the first is to be flashed
}

type shownCert struct {
	Subject  string    `json:"subject"`
	Issuer   string    `json:"issuer"`
	NotAfter time.Time `json:"notAfter"`
}

type trustedRoot struct {
	Name string `json:"name"`
	File string `json:"file"`
}

func rootsAnswerOf(chain servedChain, anchors []amazon.Root) rootsAnswer {
	a := rootsAnswer{Chain: chain.name, Certificates: []shownCert{}, Roots: []trustedRoot{}}
	for _, c := range chain.certs {
		a.Certificates = append(a.Certificates, shownCert{c.Subject.String(), c.Issuer.String(), c.NotAfter})
	}
	for _, r := range anchors {
		a.Roots = append(a.Roots, trustedRoot{r.Name, r.File})
	}
	return a
}

func (a rootsAnswer) print(w io.Writer) {
	fmt.Fprintf(w, "chain for %s:\n", a.Chain)
	for i, c := range a.Certificates {
		fmt.Fprintf(w, "  %d  %s, issued by %s, until %s\n", i+1, printable(c.Subject), printable(c.Issuer), c.NotAfter.Format(time.DateOnly))
	}
	for i, r := range a.Roots {
		if i == 0 {
			fmt.Fprintf(w, "  leads to %s: flash %s\n", r.Name, r.File)
			continue
		}
		fmt.Fprintf(w, "  and, by a cross-signed certificate, to %s (%s)\n", r.Name, r.File)
	}
}
