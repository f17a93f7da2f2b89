// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package devstack

// A client and a server each give their own packets identifiers, without regard
// to the other's [MQTT-2.2.1-4]. mochi 2.7.9 keeps both in one map: a client that
// publishes with the identifier of a message that it has not acknowledged deletes
// that message from its session, which is then never given again; and one that
// subscribes with it is refused. So mochi sees a client's identifiers with their
// highest bit turned over: they meet the server's only after 32,768 messages.

import "github.com/mochi-mqtt/server/v2/packets"

// flip turns an identifier over, and back.
func flip(id uint16) uint16 {
	const bit = 1 << 15
	if id == 0 || id == bit { // 0 is no identifier
		return id
	}
	return id ^ bit
}

// inward is a packet of a client as mochi is to see it.
func inward(pk packets.Packet) packets.Packet {
	switch pk.FixedHeader.Type {
	case packets.Publish, packets.Subscribe, packets.Unsubscribe:
		pk.PacketID = flip(pk.PacketID)
	}
	return pk
}

// outward is mochi's answer as the client is to see it.
func outward(pk packets.Packet) packets.Packet {
	switch pk.FixedHeader.Type {
	case packets.Puback, packets.Suback, packets.Unsuback:
		pk.PacketID = flip(pk.PacketID)
	}
	return pk
}
