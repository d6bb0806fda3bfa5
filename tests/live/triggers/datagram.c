// SPDX-License-Identifier: Apache-2.0
/* datagram connected|unconnected IP PORT COUNT: sends datagrams from one socket. */
#include <unistd.h>

#include "endpoint.h"

int main(int argc, char** argv) {
    if (argc != 5) {
        fputs("usage: datagram connected|unconnected IP PORT COUNT\n", stderr);
        return 2;
    }
    struct endpoint there = endpoint_of(argv[2], argv[3]);
    unsigned long count = number(argv[4]);
    int use_connect = strcmp(argv[1], "connected") == 0;
    int out = socket(there.address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (out < 0) die("socket");
    if (use_connect && connect(out, (struct sockaddr*)&there.address, there.length)) die("connect");
    for (unsigned long done = 0; done < count; ++done) {
        static const char text[] = "no protocol at all";
        ssize_t sent = use_connect ? send(out, text, sizeof(text), 0)
                                   : sendto(out, text, sizeof(text), 0,
                                            (struct sockaddr*)&there.address, there.length);
        if (sent != (ssize_t)sizeof(text)) die("send");
    }
    return 0;
}
