// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package isolate

import (
	"fmt"
	"regexp"
	"strings"

	"thingpass/policies"
)

// variable is that of a thing's name, in whichever world.
var variable = regexp.MustCompile(`(?i)\$\{(iot:Connection\.Thing\.ThingName|iot:ClientId|credentials-iot:ThingName|iot:Certificate\.Subject\.CommonName)\}`)

// clientID is the one that a client chooses itself.
var clientID = regexp.MustCompile(`(?i)\$\{iot:ClientId\}`)

// why says what is wrong with a resource.
func (e *examination) why(written string) string {
	at := variable.FindStringIndex(written)
	switch {
	case e.prefix == "*":
		return "it is asked without a resource, and tells of all things"
	case at == nil && strings.ContainsAny(name(written), "*?"):
		return "the thing's name is not in it, and a wildcard covers every other's"
	case at == nil:
		return "the thing's name is not in it, and the contract does not call it shared"
	case clientID.MatchString(written) && (e.own == "" || !strings.Contains(e.subject.Who, "client id")):
		return "the client id is in it, which a client chooses for itself"
	case clientID.MatchString(written):
		return "the client id is in it, which need not be the thing's name"
	case strings.ContainsAny(written[:at[0]], "*?"):
		return "a wildcard stands before the name, so that the name may be any level"
	case !strings.HasSuffix(written[:at[0]], "/"):
		return "the name is not a whole level: something stands before it"
	case at[1] < len(written) && written[at[1]] != '/':
		return "the name is not a whole level: what begins alike is covered, too"
	}
	return misplaced
}

const misplaced = "the name is a level of it, but not where the contract has it"

// fix never widens.
func (e *examination) fix(written string) string {
	at := variable.FindStringIndex(written)
	switch {
	case e.prefix == "*":
		return "take the action away"
	case at != nil && !clientID.MatchString(written) && at[1] < len(written) && written[at[1]] != '/' && strings.HasSuffix(written[:at[0]], "/"):
		return fmt.Sprintf("put a / behind the name: %s/…", written[:at[1]])
	case e.why(written) == misplaced && strings.HasPrefix(e.action, "iot:"):
		return "if your topics are there, say so: --root, or --own with {thing} as that level"
	case e.why(written) == misplaced:
		return "if your keys are in another bucket, say so: --bucket"
	case strings.HasPrefix(e.action, "iot:"):
		return "write ${iot:Connection.Thing.ThingName} as the whole level that is the thing's, with a / before and behind"
	case strings.HasPrefix(strings.ToLower(e.action), "s3:"):
		return "write ${credentials-iot:ThingName} as the first level of the key, with a / behind"
	}
	return "take the action away: it is not for things"
}

// name is what stands behind the fields of an ARN.
func name(arn string) string {
	parts := strings.SplitN(arn, ":", 6)
	return parts[len(parts)-1]
}

// statements counts those of documents.
func statements(docs []*policies.Document) int {
	n := 0
	for _, d := range docs {
		n += len(d.Statements)
	}
	return n
}
