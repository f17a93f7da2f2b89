// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package access

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// OIDC is the way in over an OpenID Connect provider: authorization code with PKCE,
// state and nonce. Whoever no rule names is not let in: with a public provider, all
// the world can sign in there.
type OIDC struct {
	Issuer       string // https://accounts.example.com
	ClientID     string
	ClientSecret string // empty for a public client
	RedirectURL  string // https://console.example.com/oidc/callback, as the provider has it
	Name         string // on the button; the issuer's host if empty
	Scopes       []string

	// RoleClaim is a claim of the ID token that holds a string or a list of them, such
	// as groups. OperatorValues and ViewerValues are those that make the role;
	// "operator" and "viewer" if empty.
	RoleClaim                    string
	OperatorValues, ViewerValues []string
	// Operators and Viewers are e-mail addresses, which the provider must have
	// verified; domains, as @example.com, of such addresses; subjects, as
	// sub:1234; or * for everybody whom the provider signs in (viewers only).
	Operators, Viewers []string
}

func (o *OIDC) check(https bool) error {
	issuer, err := url.Parse(o.Issuer)
	if err != nil || issuer.Host == "" || !secure(issuer) {
		return fmt.Errorf("console access: the OIDC issuer %q is no https:// URL", clip(o.Issuer))
	}
	redirect, err := url.Parse(o.RedirectURL)
	if err != nil || redirect.Host == "" || redirect.Path != pathCallback || redirect.RawQuery != "" || (https && redirect.Scheme != "https") || !secure(redirect) {
		return fmt.Errorf("console access: the OIDC redirect URL %q is not https://HOST%s", clip(o.RedirectURL), pathCallback)
	}
	if o.ClientID == "" {
		return errors.New("console access: the OIDC client id is missing")
	}
	if o.RoleClaim == "" && len(o.Operators)+len(o.Viewers) == 0 {
		return errors.New("console access: OIDC needs a role claim, or lists of operators and viewers: nobody could come in")
	}
	if slices.Contains(o.Operators, "*") {
		return errors.New("console access: * makes viewers, not operators")
	}
	for _, rule := range slices.Concat(o.Operators, o.Viewers) {
		if rule != "*" && !strings.HasPrefix(rule, "sub:") && !strings.Contains(rule, "@") {
			return fmt.Errorf("console access: %q is no e-mail address, no @domain and no sub:SUBJECT", clip(rule))
		}
	}
	return nil
}

// secure says whether what is sent to u cannot be read on the way.
func secure(u *url.URL) bool {
	if u.Scheme == "http" { // a provider on this machine, for development
		a, err := netip.ParseAddr(u.Hostname())
		return u.Hostname() == "localhost" || err == nil && a.IsLoopback()
	}
	return u.Scheme == "https"
}

var errNoRule = errors.New("no rule of the console names this person")

// claims are what a verified ID token says about a person.
type claims struct {
	Subject  string `json:"sub"`
	Email    string `json:"email"`
	Verified any    `json:"email_verified"` // some providers send "true"
	all      map[string]any
}

// user returns who a person is for the console.
func (o *OIDC) user(c claims) (User, error) {
	email := ""
	if verified := c.Verified == true || c.Verified == "true"; verified && isASCII(c.Email) {
		email = strings.ToLower(c.Email)
	}
	u := User{Name: c.Subject, Way: wayOIDC}
	if email != "" {
		u.Name = email
	}
	switch {
	case !printable(u.Name) || !printable(c.Subject):
		return User{}, errors.New("the provider's name for you cannot be shown")
	case o.claims(c, o.OperatorValues, Operator) || matches(o.Operators, c.Subject, email):
		u.Role = Operator
	case o.claims(c, o.ViewerValues, Viewer) || matches(o.Viewers, c.Subject, email):
		u.Role = Viewer
	default:
		return User{}, fmt.Errorf("%w: %s", errNoRule, u.Name)
	}
	return u, nil
}

// claims says whether the role claim has a value of the role.
func (o *OIDC) claims(c claims, values []string, role Role) bool {
	if o.RoleClaim == "" {
		return false
	}
	if len(values) == 0 {
		values = []string{string(role)}
	}
	switch v := c.all[o.RoleClaim].(type) {
	case string:
		return slices.Contains(values, v)
	case []any:
		return slices.ContainsFunc(v, func(e any) bool {
			s, ok := e.(string)
			return ok && slices.Contains(values, s)
		})
	}
	return false
}

// matches says whether a rule names the subject, or the address, which is empty
// unless it is verified.
func matches(rules []string, subject, email string) bool {
	return slices.ContainsFunc(rules, func(rule string) bool {
		if sub, ok := strings.CutPrefix(rule, "sub:"); ok {
			return sub == subject
		}
		if strings.HasPrefix(rule, "@") {
			at := strings.LastIndexByte(email, '@')
			return at > 0 && email[at:] == strings.ToLower(rule)
		}
		return rule == "*" || email != "" && email == strings.ToLower(rule)
	})
}

// isASCII keeps addresses out that only look like, or fold to, another one.
func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' || c >= 0x7f })
}
