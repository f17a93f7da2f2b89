// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if !defined(ESP_PLATFORM)

#include "stop.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

// A signal handler has no context of its own: this is the program's only
// variable outside of main.
static int stop_pipe[2] = {-1, -1};
static volatile sig_atomic_t stopping;

static void on_signal(int number) {
    int saved = errno;
    if (stopping) {
        _exit(128 + number);
    }
    stopping = 1;
    if (write(stop_pipe[1], "", 1) < 0) {
        _exit(128 + number);
    }
    errno = saved;
}

int thingpass_stop_fd(void) {
    struct sigaction stop = {.sa_handler = on_signal};
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    (void)sigemptyset(&stop.sa_mask);
    if (pipe2(stop_pipe, O_CLOEXEC | O_NONBLOCK) != 0 || sigaction(SIGINT, &stop, NULL) != 0 ||
        sigaction(SIGTERM, &stop, NULL) != 0 || sigaction(SIGPIPE, &ignore, NULL) != 0) {
        return -1;
    }
    return stop_pipe[0];
}

#endif
