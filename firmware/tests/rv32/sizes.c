// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Memory that a program lends or declares. Never linked: `make size-rv32` reads the
// sizes of these symbols.

#include "thingpass/command.h"
#include "thingpass/ledger.h"
#include "thingpass/motion.h"
#include "thingpass/outbox.h"
#include "thingpass/provision.h"
#include "thingpass/spool.h"
#include "thingpass/thingpass.h"

extern char ram_struct_thingpass[sizeof(struct thingpass)];
extern char ram_struct_ledger[sizeof(struct thingpass_ledger)];
extern char ram_struct_commands[sizeof(struct thingpass_commands)];
extern char ram_struct_motion[sizeof(struct thingpass_motion)];
extern char ram_struct_spool[sizeof(struct thingpass_spool)];
extern char ram_struct_outbox[sizeof(struct thingpass_outbox)];
extern char ram_struct_provision[sizeof(struct thingpass_provision)];
// One upload in flight, as recommended.
extern char ram_upload[sizeof(struct thingpass) + THINGPASS_REPLY_SIZE + THINGPASS_CHUNK_SIZE];
// The buffers for passes and parts.
extern char ram_lent[THINGPASS_REPLY_SIZE_PASS + THINGPASS_CHUNK_SIZE];

char ram_struct_thingpass[sizeof(struct thingpass)];
char ram_struct_ledger[sizeof(struct thingpass_ledger)];
char ram_struct_commands[sizeof(struct thingpass_commands)];
char ram_struct_motion[sizeof(struct thingpass_motion)];
char ram_struct_spool[sizeof(struct thingpass_spool)];
char ram_struct_outbox[sizeof(struct thingpass_outbox)];
char ram_struct_provision[sizeof(struct thingpass_provision)];
char ram_upload[sizeof(struct thingpass) + THINGPASS_REPLY_SIZE + THINGPASS_CHUNK_SIZE];
char ram_lent[THINGPASS_REPLY_SIZE_PASS + THINGPASS_CHUNK_SIZE];
