// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"maps"
	"slices"
	"strings"

	"thingpass/broker"
)

// Groups are things by the names of their groups.
type Groups map[string][]string

// addFree notes a kind or a group, or says why it cannot be called so.
func (l *loader) addFree(section, name string) error {
	if section == "groups" {
		l.groups[name] = true
		return broker.CheckGroup(name, nil)
	}
	l.kinds[name] = true
	return kindName(name)
}

// addGroupOf notes the group that a variable gives: THINGPASS_GROUPS_FRONT_DOOR is
// the group front-door.
func (l *loader) addGroupOf(variable string) {
	rest, ok := strings.CutPrefix(variable, envPrefix+"GROUPS_")
	if name := strings.ReplaceAll(strings.ToLower(rest), "_", "-"); ok && broker.ValidGroup(name) {
		l.groups[name] = true
	}
}

func (l *loader) judgeGroups(c *Config) {
	for name, things := range c.Groups {
		l.accept("groups."+name, broker.CheckGroup(name, things))
	}
	if len(l.problems) == 0 && len(c.Kinds) > 0 {
		l.accept("kinds", broker.CheckTogether(c.BrokerKinds(), c.Groups))
	}
}

// judgeShared asks about the settings of what things fetch: the layout with
// somebody to fetch it, then who may.
func (l *loader) judgeShared(name string, k Kind, groups Groups) {
	at := func(setting string) string { return "kinds." + name + "." + setting }
	b := k.broker(name)
	sound := broker.Kind{Object: b.Object, Modes: b.Modes, AllowThings: []string{"*"}}
	if strings.Contains(b.Object, "{group}") {
		sound.AllowThings, sound.AllowGroups = nil, []string{"g"}
	}
	if b.Object != "" {
		l.accept(at("object"), valid(sound).Check())
	}
	sound.AllowThings, sound.AllowGroups = b.AllowThings, b.AllowGroups
	if err := valid(sound).Check(); err != nil {
		setting := "allow_things"
		if strings.HasPrefix(err.Error(), "allow_groups") {
			setting = "allow_groups"
		}
		l.blameUnlessDoubted(at("object"), at(setting), err)
	}
	for _, group := range b.AllowGroups {
		if _, found := groups[group]; !found {
			l.blame(at("allow_groups"), "%s has %q, which is not among groups%s", at("allow_groups"), group, didYouMean(group, groups))
		}
	}
}

// blameUnlessDoubted accepts err for a setting, unless the other one has a problem
// from which it may follow.
func (l *loader) blameUnlessDoubted(other, setting string, err error) {
	if !l.doubted[other] && !l.doubted[parent(other)+".modes"] {
		l.accept(setting, err)
	}
}

func didYouMean(group string, groups Groups) string {
	if right := nearest(group, slices.Sorted(maps.Keys(groups))); right != "" {
		return ", did you mean " + right + "?"
	}
	return ""
}
