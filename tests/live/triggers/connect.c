// SPDX-License-Identifier: Apache-2.0
/*
 * connect IP PORT: connects, sends what is on standard input, prints the answer until the server
 * ends it. Exit 3 when the connection is refused.
 */
#include <errno.h>
#include <unistd.h>

#include "endpoint.h"

static void copy(int from, int to) {
    char buffer[4096];
    ssize_t got;
    while ((got = read(from, buffer, sizeof(buffer))) > 0)
        for (ssize_t done = 0; done < got;) {
            ssize_t put = write(to, buffer + done, (size_t)(got - done));
            if (put < 0) die("write");
            done += put;
        }
}

int main(int argc, char** argv) {
    if (argc != 3) {
        fputs("usage: connect IP PORT\n", stderr);
        return 2;
    }
    struct endpoint there = endpoint_of(argv[1], argv[2]);
    int server = socket(there.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (server < 0) die("socket");
    if (connect(server, (struct sockaddr*)&there.address, there.length)) {
        if (errno == ECONNREFUSED) return 3;
        die("connect");
    }
    puts("connected");
    fflush(stdout);
    copy(STDIN_FILENO, server);
    shutdown(server, SHUT_WR);
    copy(server, STDOUT_FILENO);
    return 0;
}
