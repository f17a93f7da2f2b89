// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"slices"
	"strings"

	"thingpass/policies"
)

// topicRules are about topics: whose they are, and what a pattern really covers.
func topicRules() []Rule {
	own := `@topic/devices/` + thingName
	return []Rule{
		{
			ID: "IOT004", Severity: Error, Title: "Publish or Receive on topics that are not bound to the thing",
			Why:    "Every thing with this policy can write, or read, in the name of all others.",
			Fix:    "Put " + thingName + " into the topic. A topic that all may hear has no wildcard.",
			Source: "Device Defender, audit-chk-iot-policy-permissive",
			Bad:    on(Thing, `{"Effect": "Allow", "Action": "iot:Publish", "Resource": "@topic/devices/*"}`),
			Good: on(Thing, `{"Effect": "Allow", "Action": "iot:Publish", "Resource": "`+own+`/*"}`,
				`{"Effect": "Allow", "Action": "iot:Receive", "Resource": "@topic/announcements"}`),
			kinds: []Kind{Thing}, check: anybodysTopic,
		},
		{
			ID: "IOT005", Severity: Warning, Title: "topics bound by ${iot:ClientId}, which Connect does not bind",
			Why:    "The client id is what the client says of itself. Unless Connect ties it to the certificate, the topic is not bound at all.",
			Fix:    "Use " + thingName + ", or bind the client id in Connect.",
			Source: "basic-policy-variables",
			Bad: on(Thing, `{"Effect": "Allow", "Action": "iot:Connect", "Resource": "@client/*"}`,
				`{"Effect": "Allow", "Action": "iot:Publish", "Resource": "@topic/devices/${iot:ClientId}/up"}`),
			Good: on(Thing, `{"Effect": "Allow", "Action": "iot:Connect", "Resource": "@client/*", `+isAttached+`}`,
				`{"Effect": "Allow", "Action": "iot:Publish", "Resource": "@topic/devices/${iot:ClientId}/up"}`),
			kinds: []Kind{Thing}, check: ownWordTopic,
		},
		{
			ID: "IOT006", Severity: Error, Title: "topic/ where AWS asks for topicfilter/, or the other way round",
			Why:    "Subscribe is asked with topicfilter/, Publish and Receive with topic/. Anything else grants nothing: the connection is closed, without a reason.",
			Fix:    "Exchange the kind of the resource.",
			Source: "iot-action-resources; aws-iot-device-sdk-cpp#50",
			Bad:    on(Thing, `{"Effect": "Allow", "Action": "iot:Subscribe", "Resource": "`+own+`/down"}`),
			Good:   on(Thing, `{"Effect": "Allow", "Action": "iot:Subscribe", "Resource": "@topicfilter/devices/`+thingName+`/down"}`),
			check:  wrongTopicKind,
		},
		{
			ID: "IOT007", Severity: Error, Title: "+ or # in a topic/ resource",
			Why:    "In policies they are characters, which no topic that is published to has in it: the resource matches nothing.",
			Fix:    "Write * instead.",
			Source: "pub-sub-policy",
			Bad:    on(Thing, `{"Effect": "Allow", "Action": "iot:Publish", "Resource": "`+own+`/#"}`),
			Good:   on(Thing, `{"Effect": "Allow", "Action": "iot:Publish", "Resource": "`+own+`/*"}`),
			check:  filterInTopic,
		},
		{
			ID: "IOT013", Severity: Warning, Title: "a variable that is neither the end nor followed by /",
			Why:    "devices/" + thingName + "* lets thing1 read what belongs to thing10.",
			Fix:    "Put a / behind the variable.",
			Source: "pub-sub-policy",
			Bad:    on(Thing, `{"Effect": "Allow", "Action": "iot:Receive", "Resource": "`+own+`*"}`),
			Good:   on(Thing, `{"Effect": "Allow", "Action": "iot:Receive", "Resource": "`+own+`/*"}`),
			check:  openVariable,
		},
		{
			ID: "IOT014", Severity: Warning, Title: "a wildcard that is not a whole level",
			Why:    "* crosses levels: devices/sensor* covers devices/sensor/1/secret, too. Neither MQTT nor a Mosquitto ACL can say the same.",
			Fix:    "Let * stand between slashes.",
			Source: "pub-sub-policy",
			Bad:    on(Broker, `{"Effect": "Allow", "Action": "iot:Receive", "Resource": "@topic/devices/sensor*"}`),
			Good:   on(Broker, `{"Effect": "Allow", "Action": "iot:Receive", "Resource": "@topic/devices/sensor/*"}`),
			check:  partialLevel,
		},
		{
			ID: "IOT026", Severity: Error, Title: "shadows, jobs or lifecycle events of other things",
			Why:    "A thing that may subscribe to $aws/things/+/… watches all shadows; $aws/events/… tells it who comes and goes.",
			Fix:    "Write $aws/things/" + thingName + "/….",
			Source: "Device Defender, audit-chk-iot-policy-permissive",
			Bad:    on(Thing, `{"Effect": "Allow", "Action": "iot:Subscribe", "Resource": "@topicfilter/$aws/things/+/shadow/update"}`),
			Good:   on(Thing, `{"Effect": "Allow", "Action": "iot:Subscribe", "Resource": "@topicfilter/$aws/things/`+thingName+`/shadow/update/delta"}`),
			kinds:  []Kind{Thing}, check: othersShadow,
		},
	}
}

func anybodysTopic(p *pass) {
	p.each("topic", func(s *statement, r resource) {
		_, reserved := r.pat.cut("$aws/things/") // IOT026's
		wild := slices.ContainsFunc(r.pat, part.wild)
		if r.broken() || r.identity() || r.byClientID() || reserved || !wild && !s.does("iot:Publish", "iot:RetainPublish") {
			return
		}
		p.find(Error, s, r.Text, "write "+r.with("topic", suggestBound(r.name)),
			"no part of the topic is the thing's own: every thing with this policy may %s as, or of, every other", verb(s))
	}, "iot:Publish", "iot:RetainPublish", "iot:Receive")
}

func verb(s *statement) string {
	if s.does("iot:Publish", "iot:RetainPublish") {
		return "publish"
	}
	return "receive"
}

// suggestBound puts the thing's name where the first wildcard is, or at the end.
func suggestBound(name string) string {
	i := strings.IndexAny(name, "*?")
	switch {
	case i < 0:
		return name + "/" + thingName
	case i > 0 && name[i-1] != '/':
		return name[:strings.LastIndexByte(name[:i], '/')+1] + thingName + "/*"
	case i == len(name)-1:
		return name[:i] + thingName + "/*"
	}
	return name[:i] + thingName + name[i+1:]
}

func ownWordTopic(p *pass) {
	if !p.unbound() {
		return
	}
	for _, kind := range []string{"topic", "topicfilter"} {
		p.each(kind, func(s *statement, r resource) {
			if r.byClientID() {
				p.find(Warning, s, r.Text, "write "+strings.ReplaceAll(r.Value, "${iot:ClientId}", thingName),
					"only the client id binds the topic, and Connect lets the client choose it")
			}
		}, "iot:Publish", "iot:RetainPublish", "iot:Receive", "iot:Subscribe")
	}
}

// misfits are resources that no action of their statement is asked with.
func misfits(s *statement) []resource {
	var out []resource
	for _, r := range s.resources {
		fits := len(s.actions) == 0 || s.NotAction || s.NotResource
		for _, a := range s.actions {
			fits = fits || len(a.covers) == 0 // IOT019's, or another service's
			for _, c := range a.covers {
				kind := policies.ResourceKind(c)
				fits = fits || kind == "*" || r.is(kind)
			}
		}
		if !fits && (r.arn == nil || r.service() == "iot") {
			out = append(out, r)
		}
	}
	return out
}

// exchanged is what a misfit of topics should be; "" if it is none.
func exchanged(s *statement, r resource) string {
	switch {
	case r.kind == "topic" && s.does("iot:Subscribe"):
		return "topicfilter"
	case r.kind == "topicfilter" && s.does("iot:Publish", "iot:RetainPublish", "iot:Receive", "iot:GetRetainedMessage"):
		return "topic"
	}
	return ""
}

func wrongTopicKind(p *pass) {
	for i := range p.statements {
		s := &p.statements[i]
		bad := misfits(s)
		for _, r := range bad {
			if right := exchanged(s, r); right != "" {
				p.find(Error, s, r.Text, "write "+r.with(right, toKind(right, r.name)),
					"%s is asked with %s/…: this resource grants nothing", s.Actions[0].Value, right)
			}
		}
		for _, a := range s.actions {
			for _, c := range a.covers {
				kind := policies.ResourceKind(c)
				if len(bad) == 0 && len(a.covers) == 1 && strings.HasPrefix(kind, "topic") && len(s.on(kind)) == 0 && len(s.resources) > 0 && !s.NotResource {
					p.find(Error, s, a.Text, "add a resource "+s.resources[0].with(kind, "…"), "%s is asked with %s/…, and the statement has no such resource", c, kind)
				}
			}
		}
	}
}

func toKind(kind, name string) string {
	if kind == "topic" {
		return strings.NewReplacer("+", "*", "#", "*").Replace(name)
	}
	return name
}

func filterInTopic(p *pass) {
	for i := range p.statements {
		s := &p.statements[i]
		for _, r := range s.on("topic") {
			if exchanged(s, r) == "" && strings.ContainsAny(r.name, "+#") {
				p.find(Error, s, r.Text, "write "+r.with("topic", toKind("topic", r.name)),
					"+ and # are characters here, and no topic has them in its name: this matches nothing")
			}
		}
	}
}

func openVariable(p *pass) {
	if !p.Kind.iot() {
		return
	}
	for i := range p.statements {
		s := &p.statements[i]
		for _, r := range s.resources {
			j := openEnd(r.pat)
			if j == 0 || !s.allow || r.broken() {
				continue
			}
			why := "what follows may be the end of another thing's name"
			if r.pat[j].wild() {
				why = "the wildcard behind it covers what belongs to things whose names begin alike: thing1 reaches thing10"
			}
			p.find(Warning, s, r.Text, "put a / behind the variable: "+closed(r.Value), "the variable ends neither the level nor the resource: %s", why)
		}
	}
}

// closed puts a slash behind variables that lack it.
func closed(text string) string {
	var b strings.Builder
	for i := range len(text) {
		b.WriteByte(text[i])
		if text[i] == '}' && i+1 < len(text) && text[i+1] != '/' {
			b.WriteByte('/')
		}
	}
	return b.String()
}

// openEnd is where something other than / follows a variable; 0: nowhere.
func openEnd(p pattern) int {
	for j := 1; j < len(p); j++ {
		if p[j-1].variable != "" && (p[j].variable != "" || p[j].r != '/') {
			return j
		}
	}
	return 0
}

func partialLevel(p *pass) {
	for i := range p.statements {
		s := &p.statements[i]
		for _, r := range s.resources {
			if r.kind != "topic" && r.kind != "topicfilter" || openEnd(r.pat) > 0 { // IOT013's
				continue
			}
			whole := r.pat.levels()
			for _, x := range whole {
				if x.variable == "" && (x.r == policies.AnyRun || x.r == policies.AnyOne) {
					p.find(Warning, s, r.Text, "let it stand between slashes, or name what is meant",
						"the wildcard is not a whole level: it crosses slashes, and neither MQTT nor a Mosquitto ACL can say the same")
					break
				}
			}
		}
	}
}

func othersShadow(p *pass) {
	for _, kind := range []string{"topic", "topicfilter", "thing"} {
		p.each(kind, func(s *statement, r resource) { p.judgeReserved(s, r) }, policies.Actions()...)
	}
}

func (p *pass) judgeReserved(s *statement, r resource) {
	if r.kind == "*" { // IOT004's and IOT018's
		return
	}
	if r.kind == "thing" {
		if !r.identity() && slices.ContainsFunc(r.pat, part.wild) {
			p.find(Warning, s, r.Text, "write "+r.with("thing", thingName), "shadow and jobs of all things")
		}
		return
	}
	rest, reserved := r.pat.cut("$aws/")
	all := r.kind == "topicfilter" && len(r.pat) > 0 && r.pat[0].wild()
	if !reserved && !all {
		return
	}
	if _, events := common(rest, newPattern("events/*")); reserved && events {
		p.find(Error, s, r.Text, "leave it to a service", "$aws/events/… tells of all things: who is connected, what became of whose jobs")
		return
	}
	_, things := common(rest, newPattern("things/*"))
	own := strings.HasPrefix(r.name, "$aws/things/"+thingName+"/") || strings.HasPrefix(r.name, "$aws/things/"+thingName) && len(r.name) == len("$aws/things/"+thingName)
	if all || things && !own {
		p.find(Warning, s, r.Text, "write "+r.with(r.kind, "$aws/things/"+thingName+"/…"), "this reaches the shadows and jobs of other things")
	}
}
