// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#include "mosquitto_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

const char mosquitto_server_mutual_tls[] = "require_certificate true\n";

static void must(bool ok, const char *what) {
    if (!ok) {
        perror(what);
        abort();
    }
}

static struct sockaddr_in local(uint16_t port) {
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
}

uint16_t free_port(void) {
    struct sockaddr_in address = local(0);
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(bind(fd, (struct sockaddr *)&address, size) == 0, "bind");
    must(getsockname(fd, (struct sockaddr *)&address, &size) == 0, "getsockname");
    (void)close(fd);
    return ntohs(address.sin_port);
}

void mosquitto_server_file(const struct mosquitto_server *server, const char *name,
                           const char *text, char path[128]) {
    (void)snprintf(path, 128, "%s/%s", server->folder, name);
    FILE *f = fopen(path, "w");
    must(f != NULL && fputs(text, f) >= 0 && fclose(f) == 0, path);
}

void mosquitto_server_init(struct mosquitto_server *server, const struct mint *ca,
                           const struct mint *leaf) {
    char path[128];
    (void)snprintf(server->folder, sizeof server->folder, "/tmp/thingpass-test-XXXXXX");
    must(mkdtemp(server->folder) != NULL, "mkdtemp");
    server->port = free_port();
    server->pid = -1;
    mosquitto_server_file(server, "ca.crt", ca->pem, path);
    mosquitto_server_file(server, "server.crt", leaf->pem, path);
    mosquitto_server_file(server, "server.key", leaf->key_pem, path);
}

static void write_configuration(const struct mosquitto_server *s, const char *tls,
                                const char *extra, char path[128]) {
    char text[1024];
    char files[320] = "";
    if (tls != NULL) {
        (void)snprintf(files, sizeof files,
                       "cafile %s/ca.crt\ncertfile %s/server.crt\nkeyfile %s/server.key\n%s",
                       s->folder, s->folder, s->folder, tls);
    }
    // As root it would become another user, who cannot read the folder; for
    // anybody else the line does nothing.
    (void)snprintf(text, sizeof text, "user root\nlistener %u 127.0.0.1\n%s%s", (unsigned)s->port,
                   files, extra);
    mosquitto_server_file(s, "mosquitto.conf", text, path);
}

static void become_mosquitto(const char *configuration) {
    char *const arguments[] = {"mosquitto", "-c", (char *)(uintptr_t)configuration, NULL};
    int nowhere = open("/dev/null", O_RDWR);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL); // a test that aborts leaves nothing behind
    (void)dup2(nowhere, 1);
    (void)dup2(nowhere, 2);
    (void)execvp("mosquitto", arguments);
    (void)execv("/usr/sbin/mosquitto", arguments);
    _exit(127);
}

static bool answers(uint16_t port) {
    struct sockaddr_in address = local(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool connected = connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
    (void)close(fd);
    return connected;
}

void mosquitto_server_start(struct mosquitto_server *server, const char *tls, const char *extra) {
    char path[128];
    write_configuration(server, tls, extra, path);
    server->pid = fork();
    must(server->pid >= 0, "fork");
    if (server->pid == 0) {
        become_mosquitto(path);
    }
    for (int i = 0; !answers(server->port); i++) {
        must(i < 500 && waitpid(server->pid, NULL, WNOHANG) == 0,
             "mosquitto did not start; is it installed?");
        (void)poll(NULL, 0, 10);
    }
}

void mosquitto_server_kill(struct mosquitto_server *server) {
    if (server->pid > 0) {
        (void)kill(server->pid, SIGKILL);
        (void)waitpid(server->pid, NULL, 0);
    }
    server->pid = -1;
}

void mosquitto_server_end(struct mosquitto_server *server) {
    char command[96];
    mosquitto_server_kill(server);
    (void)snprintf(command, sizeof command, "rm -rf '%s'", server->folder);
    must(system(command) == 0, "rm");
}
