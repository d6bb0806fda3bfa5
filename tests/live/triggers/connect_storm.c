// SPDX-License-Identifier: Apache-2.0
/*
 * connect_storm IP PORT COUNT [http]: that many connections, one after the other, to a server that
 * closes each (accept); with http, a request on each. The reset at the end leaves no port in
 * TIME_WAIT, so none runs out. Prints how many were established.
 */
#include <unistd.h>

#include "endpoint.h"

int main(int argc, char** argv) {
    if (argc < 4) {
        fputs("usage: connect_storm IP PORT COUNT [http]\n", stderr);
        return 2;
    }
    struct endpoint there = endpoint_of(argv[1], argv[2]);
    unsigned long count = number(argv[3]);
    static const char request[] = "GET /storm HTTP/1.0\r\n\r\n";
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    for (unsigned long done = 0; done < count; ++done) {
        char answer[512];
        ssize_t got;
        int server = socket(there.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (server < 0) die("socket");
        if (connect(server, (struct sockaddr*)&there.address, there.length)) die("connect");
        if (argc > 4 && write(server, request, sizeof(request) - 1) != (ssize_t)sizeof(request) - 1)
            die("write");
        while ((got = read(server, answer, sizeof(answer))) > 0);
        if (got < 0) die("read");
        if (setsockopt(server, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset))) die("setsockopt");
        close(server);
    }
    printf("%lu\n", count);
    return 0;
}
