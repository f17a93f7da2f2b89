// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#ifndef THINGPASS_POSIX_STOP_H
#define THINGPASS_POSIX_STOP_H

// Turns SIGINT and SIGTERM into a file descriptor that becomes readable; a
// second signal ends the process at once. Returns the descriptor, or -1.
int thingpass_stop_fd(void);

#endif
