// SPDX-License-Identifier: Apache-2.0
// connect_refused ADDRESS PORT: connects to a port where nobody listens; ends well when refused.
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

int main(int argc, char** argv) {
    if (argc != 3) return 2;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((unsigned short)atoi(argv[2]))};
    if (inet_pton(AF_INET, argv[1], &address.sin_addr) != 1) return 2;
    const int client = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(client, (struct sockaddr*)&address, sizeof address) == 0) {
        fprintf(stderr, "connect_refused: somebody listens on %s:%s\n", argv[1], argv[2]);
        return 1;
    }
    if (errno != ECONNREFUSED) {
        perror("connect_refused");
        return 1;
    }
    return 0;
}
