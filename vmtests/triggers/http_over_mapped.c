// SPDX-License-Identifier: Apache-2.0
// http_over_mapped ADDRESS PORT: asks for / over an IPv6 socket that connects to an IPv4-mapped
// address, and reads the answer to its end.
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char** argv) {
    if (argc != 3) return 2;
    char mapped[64];
    snprintf(mapped, sizeof mapped, "::ffff:%s", argv[1]);
    struct sockaddr_in6 address = {.sin6_family = AF_INET6,
                                   .sin6_port = htons((unsigned short)atoi(argv[2]))};
    if (inet_pton(AF_INET6, mapped, &address.sin6_addr) != 1) return 2;
    const int client = socket(AF_INET6, SOCK_STREAM, 0);
    if (client < 0 || connect(client, (struct sockaddr*)&address, sizeof address) < 0) {
        perror("http_over_mapped");
        return 1;
    }
    static const char request[] = "GET / HTTP/1.0\r\nHost: mapped\r\n\r\n";
    if (send(client, request, strlen(request), 0) < 0) {
        perror("http_over_mapped: send");
        return 1;
    }
    char answer[512];
    while (recv(client, answer, sizeof answer, 0) > 0) {
    }
    close(client);
    return 0;
}
