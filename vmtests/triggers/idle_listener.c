// SPDX-License-Identifier: Apache-2.0
// idle_listener tcp|mptcp PORT: listens on every address and never accepts.
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

int main(int argc, char** argv) {
    if (argc != 3) return 2;
    const int protocol = strcmp(argv[1], "mptcp") == 0 ? IPPROTO_MPTCP : IPPROTO_TCP;
    const int listener = socket(AF_INET, SOCK_STREAM, protocol);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((unsigned short)atoi(argv[2]))};
    if (listener < 0 || bind(listener, (struct sockaddr*)&address, sizeof address) < 0 ||
        listen(listener, 8) < 0) {
        perror("idle_listener");
        return 1;
    }
    pause();
    return 0;
}
