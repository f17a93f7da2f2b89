// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Package access lets people into the console: with a password, a client
// certificate or OpenID Connect, or without any of it on the loopback interface
// alone. A viewer reads, an operator acts as well.
package access

import (
	"context"
	"net/http"
)

// Role is what a person may do.
type Role string

// The roles. None may nothing.
const (
	None     Role = ""
	Viewer   Role = "viewer"
	Operator Role = "operator"
)

// User is who asks.
type User struct {
	Name string
	Role Role
	Way  string // password, certificate, oidc, loopback
}

// A Gate stands before the console.
type Gate interface {
	// Wrap returns a handler that lets signed-in people through to next, and has the
	// pages for signing in and out (/sign-in, /sign-out, /oidc/callback) itself. It
	// refuses requests that change something and came from another site or
	// without the session's token (form field "csrf" or header X-CSRF-Token).
	Wrap(next http.Handler) http.Handler
}

type userKey struct{}

type session struct {
	user User
	csrf string
}

// Of returns who asks; the zero User is nobody.
func Of(ctx context.Context) User {
	s, _ := ctx.Value(userKey{}).(session)
	return s.user
}

// Token is what forms send back as "csrf".
func Token(ctx context.Context) string {
	s, _ := ctx.Value(userKey{}).(session)
	return s.csrf
}

// With returns a context in which u asks.
func With(ctx context.Context, u User, csrf string) context.Context {
	return context.WithValue(ctx, userKey{}, session{u, csrf})
}
