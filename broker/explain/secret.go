// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"errors"
	"strings"
)

var (
	secretLine = lazy(`(?im)(?:aws_?secret_?access_?key|secret_?access_?key|secretkey)"?\s*[=:]\s*"?([^\s",]+)`)
	tokenLine  = lazy(`(?im)(?:aws_?)?session_?token"?\s*[=:]\s*"?([^\s",]+)`)
)

// ParseSecret reads a secret access key, and its session token if there is one,
// from AWS's credentials file, lines of an environment, the JSON of STS or of the
// credential provider, or a file that holds the secret alone.
func ParseSecret(text string) (secret, token string, err error) {
	if m := secretLine.FindAllStringSubmatch(text, 2); len(m) > 1 {
		return "", "", errors.New("there are several secret keys in it: give a file with the one that signed")
	} else if len(m) == 1 {
		if t := tokenLine.FindStringSubmatch(text); t != nil {
			token = t[1]
		}
		return m[0][1], token, nil
	}
	words := strings.Fields(text)
	switch {
	case len(words) == 1 && len(words[0]) >= 8:
		return words[0], "", nil
	case len(words) == 2 && len(words[0]) <= 128 && len(words[1]) >= 8: // id and secret
		return words[1], "", nil
	}
	return "", "", errors.New("no secret access key is in it: give the key alone, or a line aws_secret_access_key = …")
}
