// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "profile.h"
#include "thingpass/command.h"

// Put, and commands that have a photo taken.
int main(void) {
    static struct thingpass_commands commands;
    static struct thingpass_command command;
    static const struct thingpass_message message;
    char topic[THINGPASS_TOPIC_MAX + 1];
    commands.does = THINGPASS_CAPTURE;
    return profile_upload(NULL) + thingpass_command_topic(&profile_tp, topic, sizeof topic) +
           thingpass_command_receive(&profile_tp, &commands, &message, &command) +
           thingpass_command_answer(&profile_tp, command.id, NULL);
}
