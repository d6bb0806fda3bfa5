// SPDX-License-Identifier: Apache-2.0
/*
 * http IP PORT COUNT AT: COUNT requests, each on a connection of its own; the request with number
 * AT (from 0) carries the header line that is on standard input. Prints how many were answered.
 */
#include <unistd.h>

#include "endpoint.h"

int main(int argc, char** argv) {
    if (argc != 5) {
        fputs("usage: http IP PORT COUNT AT\n", stderr);
        return 2;
    }
    struct endpoint there = endpoint_of(argv[1], argv[2]);
    unsigned long count = number(argv[3]);
    unsigned long at = number(argv[4]);
    unsigned long answered = 0;
    char header[512] = "";
    if (at < count && !fgets(header, sizeof(header), stdin)) die("reading the header line");
    header[strcspn(header, "\r\n")] = 0;
    for (unsigned long done = 0; done < count; ++done) {
        char request[1024];
        char answer[4096];
        size_t got = 0;
        ssize_t more;
        int length = snprintf(request, sizeof(request),
                              "GET / HTTP/1.1\r\nHost: %s\r\n%s%sConnection: close\r\n\r\n",
                              argv[1], done == at ? header : "", done == at ? "\r\n" : "");
        int server = socket(there.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (server < 0) die("socket");
        if (connect(server, (struct sockaddr*)&there.address, there.length)) die("connect");
        if (write(server, request, (size_t)length) != length) die("write");
        while ((more = read(server, answer + got, sizeof(answer) - 1 - got)) > 0)
            got += (size_t)more;
        answered += got > 12 && memcmp(answer, "HTTP/1.1 200", 12) == 0;
        close(server);
    }
    printf("%lu\n", answered);
    return 0;
}
