// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#ifndef THINGPASS_POSIX_COMMANDER_H
#define THINGPASS_POSIX_COMMANDER_H

#include "file_sink.h"
#include "thingpass/command.h"

struct thingpass_virtual_thing;

enum thingpass_commander_state {
    THINGPASS_COMMANDER_IDLE,
    THINGPASS_COMMANDER_TOLD, // a command is to be done
    THINGPASS_COMMANDER_BUSY  // it is being done
};

// What operators have the thing do [P-15], one after the other. One that comes while
// another is not done yet is refused as busy.
struct thingpass_commander {
    bool on;
    char topic[THINGPASS_TOPIC_MAX + 1];
    unsigned asked;      // the connection on which it asked to subscribe; 0: none
    unsigned lost;       // connections that ended over that
    bool subscribed;     // once, at least
    bool subscribed_now; // on the connection of now

    struct thingpass_commands commands;
    struct thingpass_command command;
    enum thingpass_commander_state state;
    char id[THINGPASS_ID_MAX + 1];   // of the photo that was taken for it
    struct thingpass_file_sink file; // with --downloads
};

// Prepares it, if the options want it; the core must be there.
void thingpass_commander_open(struct thingpass_virtual_thing *t);

// Subscribes, whenever there is a new connection. A server that does not let the thing
// do that is asked no more: all else goes on.
void thingpass_commander_step(struct thingpass_virtual_thing *t);

// Takes a message that the core did not want.
void thingpass_commander_receive(struct thingpass_virtual_thing *t,
                                 const struct thingpass_message *message);

// Whether a command of that sort waits to be done. One that has expired meanwhile is
// answered instead.
bool thingpass_commander_wants(struct thingpass_virtual_thing *t, enum thingpass_verb verb);

// The kind that a photo is stored as: the command's, if it has one.
const char *thingpass_commander_kind(const struct thingpass_virtual_thing *t);

// The command is being done; by the photo of that id, or by a download.
void thingpass_commander_begin(struct thingpass_virtual_thing *t, const char *id);

// It is done: code as in thingpass_command_answer(). Nothing, if none was begun.
void thingpass_commander_end(struct thingpass_virtual_thing *t, const char *code);

// Fetches what the command says, while nothing else is in flight, and answers.
void thingpass_commander_download(struct thingpass_virtual_thing *t);

#endif
