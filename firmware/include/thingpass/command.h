// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// What an operator has a thing do [P-15]: a photo now, or fetch something. The core
// reads commands and says how they went; to do them is the program's.
//
//     static struct thingpass_commands commands = {.does = THINGPASS_CAPTURE};
//     struct thingpass_command command;
//
//     subscribe(…);                        // thingpass_command_topic(), with QoS 1
//
//     // each message that comes, besides thingpass_receive():
//     if (thingpass_command_receive(&tp, &commands, &message, &command) > 0) {
//         …                                // take the photo, and have it stored
//     }
//
//     // THINGPASS_STEP_DONE, before the next upload begins:
//     thingpass_command_answer(&tp, command.id, NULL);
//
// A program that does not include this has none of it.

#ifndef THINGPASS_COMMAND_H
#define THINGPASS_COMMAND_H

#include "thingpass/thingpass.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    THINGPASS_COMMAND_NAME_MAX = 64, // bytes of a shared object's name
    THINGPASS_COMMAND_MAX = 512,     // bytes of a command; longer ones are ignored
    THINGPASS_COMMANDS_KEPT = 8      // ids that are remembered [P-15.4]
};

// What can be asked for, as bits.
enum thingpass_verb {
    THINGPASS_CAPTURE = 1, // take a photo, and store it
    THINGPASS_DOWNLOAD = 2 // fetch a shared object
};

struct thingpass_command {
    enum thingpass_verb verb;
    int64_t expires_at;                        // seconds since 1970
    char id[THINGPASS_ID_MAX + 1];             // for thingpass_command_answer()
    char kind[THINGPASS_KIND_MAX + 1];         // "": the thing's own choice
    char name[THINGPASS_COMMAND_NAME_MAX + 1]; // of the shared object; "": the latest
};

// Yours to declare, zero but for `does`; the other members are the core's.
struct thingpass_commands {
    unsigned does; // verbs that this thing does, of enum thingpass_verb
    unsigned next;
    uint32_t ids[THINGPASS_COMMANDS_KEPT];
};

// A message as it came.
struct thingpass_message {
    const char *topic;
    size_t topic_len;
    const void *payload;
    size_t len;
    bool retained; // it came with the RETAIN flag
};

// Writes "<root>/<thing>/command", the topic to subscribe to with QoS 1. Returns its
// length, or THINGPASS_ESPACE when cap (with the NUL) is too small;
// THINGPASS_TOPIC_MAX + 1 always suffices.
int thingpass_command_topic(const struct thingpass *tp, char *buf, size_t cap);

// Reads a message. May be called at any time, also while an upload is in flight, and
// takes about 900 bytes of stack. Returns
//
// - 1: *command is to be done, now;
// - 0: the message is none, or to be ignored: for another topic, retained, without an
//   id, expired, or seen before. Before the first reply the command's own time is
//   taken for the time [P-15.2];
// - THINGPASS_EREPLY: it could not be read, or this thing does not do it, and the
//   broker was told so. *command has its id, for a log.
int thingpass_command_receive(struct thingpass *tp, struct thingpass_commands *commands,
                              const struct thingpass_message *message,
                              struct thingpass_command *command);

// Says how a command went, once. code NULL: as the upload or download that ended
// last, which must be the one for it, and no other may be in flight: otherwise
// THINGPASS_EBUSY. Any other code, of a-z, 0-9 and -: it failed for that reason, such
// as "busy"; at any time. Returns THINGPASS_OK, THINGPASS_EINVAL (id or code breaks
// its contract), THINGPASS_ESPACE (the chunk buffer is too small), or what the port
// says: THINGPASS_EAGAIN is worth another try.
int thingpass_command_answer(struct thingpass *tp, const char *id, const char *code);

// Writes the same without a checksum, and a NUL, for whoever publishes it by itself.
// Returns its length, THINGPASS_EINVAL, or THINGPASS_ESPACE; 300 bytes more than the key
// has suffice for keys without quotes and control characters.
int thingpass_command_print(const struct thingpass_result *result, const char *id, char *buf,
                            size_t cap);

#ifdef __cplusplus
}
#endif

#endif
