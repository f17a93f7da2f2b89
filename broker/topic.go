// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package broker

import (
	"errors"
	"fmt"
	"strings"
)

// DefaultRoot is the topic prefix of the protocol [P-2].
const DefaultRoot = "thingpass"

const (
	verbUploadRequest      = "upload-request"
	verbUploadComplete     = "upload-complete"
	verbDownloadRequest    = "download-request"
	verbCredentialsRequest = "credentials-request"
	verbResponse           = "response"
	verbUploaded           = "uploaded"
	verbCommand            = "command"
	verbCommandResult      = "command-result"

	maxThingName    = 128
	maxTopic        = 256 // bytes, AWS IoT Core
	maxRootLevels   = 6   // AWS IoT Core allows 7 slashes; thing and verb take two levels
	maxAuditedTopic = 300
)

type topic struct{ thing, verb string }

// parseTopic takes a request's topic apart. Its thing is the requester [P-2.1].
func (b *Broker) parseTopic(name string) (topic, error) {
	rest, found := strings.CutPrefix(name, b.root+"/")
	if !found {
		return topic{}, fmt.Errorf("topic %q is not below %s/", printable(name, maxAuditedTopic), b.root)
	}
	thing, verb, found := strings.Cut(rest, "/")
	if !found || !ValidThing(thing) {
		return topic{}, fmt.Errorf("topic %q has no thing's name after %s/", printable(name, maxAuditedTopic), b.root)
	}
	if b.handlers[verb] == nil {
		return topic{}, fmt.Errorf("topic %q is not one of the protocol's requests", printable(name, maxAuditedTopic))
	}
	return topic{thing: thing, verb: verb}, nil
}

func (b *Broker) topicOf(thing, verb string) string {
	return b.root + "/" + thing + "/" + verb
}

// ValidThing reports whether name can be a thing's name: AWS IoT's rule,
// [a-zA-Z0-9:_-]{1,128}.
func ValidThing(name string) bool {
	return validName(name, maxThingName, func(c byte) bool { return alphanumeric(c) || c == ':' || c == '_' || c == '-' })
}

// CheckRoot returns an error that says why root cannot be a topic prefix.
func CheckRoot(root string) error {
	if strings.HasPrefix(root, "$") {
		return errors.New("the root topic must not begin with $: those are the server's own")
	}
	levels := strings.Split(root, "/")
	if len(levels) > maxRootLevels {
		return fmt.Errorf("the root topic %q has %d levels, at most %d leave room for the rest", root, len(levels), maxRootLevels)
	}
	if longest := len(root) + 1 + maxThingName + 1 + len(verbCredentialsRequest); longest > maxTopic {
		return fmt.Errorf("the root topic %q gives topics of up to %d bytes, AWS IoT allows %d", root, longest, maxTopic)
	}
	for _, level := range levels {
		if !validName(level, maxTopic, func(c byte) bool { return alphanumeric(c) || strings.IndexByte("._-", c) >= 0 }) {
			return fmt.Errorf("the root topic %q may hold only levels of letters, digits, '.', '_' and '-'", root)
		}
	}
	return nil
}

func validName(s string, longest int, allowed func(byte) bool) bool {
	if s == "" || len(s) > longest {
		return false
	}
	for i := range len(s) {
		if !allowed(s[i]) {
			return false
		}
	}
	return true
}

func alphanumeric(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}
