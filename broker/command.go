// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package broker

import (
	"errors"
	"fmt"
	"time"
)

// What a thing can be told to do [P-15.1].
const (
	CommandCapture  = "capture"  // take a photo now, and store it
	CommandDownload = "download" // fetch a shared object
)

// A Command is what an operator has a thing do [P-15].
type Command struct {
	ID        string // [P-1.6]; the same id is done once [P-15.4]
	Command   string // CommandCapture or CommandDownload
	Kind      string // of what is stored or fetched; CommandCapture may leave it to the thing
	Name      string // CommandDownload: of the shared object [P-13], the latest if empty
	ExpiresAt time.Time
}

// commandBody is the JSON of `command` [P-15].
type commandBody struct {
	ID        string `json:"id"`
	Time      int64  `json:"time"`
	Command   string `json:"command"`
	Kind      string `json:"kind,omitempty"`
	Name      string `json:"name,omitempty"`
	ExpiresAt int64  `json:"expiresAt"`
}

// Command returns the message that tells a thing what to do, or an error that says
// why no thing could do it. Publishing and auditing it is the caller's: nothing is
// kept here.
func (b *Broker) Command(thing string, c Command) (Message, error) {
	now := b.now()
	if err := b.checkCommand(thing, c, now); err != nil {
		return Message{}, err
	}
	payload, err := encode(commandBody{ID: c.ID, Time: now.Unix(), Command: c.Command, Kind: c.Kind, Name: c.Name, ExpiresAt: c.ExpiresAt.Unix()})
	return Message{Topic: b.topicOf(thing, verbCommand), Payload: payload, QoS: 1}, err
}

func (b *Broker) checkCommand(thing string, c Command, now time.Time) error {
	switch {
	case b.handlers[verbCommandResult] == nil:
		return errors.New("commands are not configured")
	case !ValidThing(thing):
		return fmt.Errorf("%q is no thing's name", printable(thing, maxThingName))
	case !validID(c.ID):
		return errors.New("a command's id must be 1 to 64 characters of A-Z, a-z, 0-9, _ and -")
	case c.ExpiresAt.Unix() <= now.Unix():
		return errors.New("the command has expired already")
	case c.Command == CommandCapture:
		return b.checkCapture(c)
	case c.Command == CommandDownload:
		return b.checkDownload(c)
	}
	return fmt.Errorf("there is no command %q", printable(c.Command, 40))
}

func (b *Broker) checkCapture(c Command) error {
	if c.Name != "" {
		return errors.New("a name belongs to a download")
	}
	if k := b.kinds[c.Kind]; c.Kind != "" && (k == nil || k.shared != nil) {
		return fmt.Errorf("kind %q is none that things store", printable(c.Kind, 40))
	}
	return nil
}

func (b *Broker) checkDownload(c Command) error {
	k := b.kinds[c.Kind]
	switch {
	case k == nil || k.shared == nil:
		return fmt.Errorf("kind %q has no shared objects to fetch", printable(c.Kind, 40))
	case c.Name != "" && !k.shared.has("name"):
		return fmt.Errorf("the objects of kind %s have no names", c.Kind)
	case c.Name != "" && !validObjectName(c.Name):
		return errors.New("a name must be 1 to 64 characters of A-Z, a-z, 0-9, '.', _ and -, the first of them no '.'")
	}
	return nil
}
