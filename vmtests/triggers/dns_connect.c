// SPDX-License-Identifier: Apache-2.0
// dns_connect NAME ADDRESS PORT: answers on 127.0.0.1:53 that NAME has ADDRESS, asks there as a
// resolver does, on a connected socket, and connects to the address that comes back.
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct sockaddr_in at(struct in_addr address, int port) {
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_addr = address, .sin_port = htons((unsigned short)port)};
}

static void answer_once(int server, struct in_addr address) {
    unsigned char message[512];
    struct sockaddr_in asker;
    socklen_t length = sizeof(asker);
    ssize_t size = recvfrom(server, message, 400, 0, (struct sockaddr*)&asker, &length);
    if (size < 12) _exit(1);
    message[2] = 0x81;                                             // an answer
    message[7] = 1;                                                // with one record:
    memcpy(message + size, "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4", 12);  // of the name at 12
    memcpy(message + size + 12, &address, 4);
    sendto(server, message, (size_t)size + 16, 0, (struct sockaddr*)&asker, length);
    _exit(0);
}

int main(int argc, char** argv) {
    if (argc != 4 || strlen(argv[1]) > 200) return 2;
    const struct sockaddr_in dns = at((struct in_addr){htonl(INADDR_LOOPBACK)}, 53);
    int server = socket(AF_INET, SOCK_DGRAM, 0);
    if (bind(server, (const struct sockaddr*)&dns, sizeof(dns)) != 0) return 1;
    pid_t child = fork();
    if (child == 0) answer_once(server, (struct in_addr){inet_addr(argv[2])});

    unsigned char message[512] = {0x41, 0x59, 1, 0, 0, 1};
    size_t size = 12;
    for (const char* label = argv[1]; *label;) {
        size_t length = strcspn(label, ".");
        message[size++] = (unsigned char)length;
        memcpy(message + size, label, length);
        size += length;
        label += length + (label[length] == '.');
    }
    memcpy(message + size, "\0\0\1\0\1", 5);
    size += 5;
    int asker = socket(AF_INET, SOCK_DGRAM, 0);
    if (connect(asker, (const struct sockaddr*)&dns, sizeof(dns)) != 0) return 1;
    if (send(asker, message, size, 0) != (ssize_t)size) return 1;
    if (recv(asker, message, sizeof(message), 0) != (ssize_t)size + 16) return 1;
    struct in_addr address;
    memcpy(&address, message + size + 12, sizeof(address));
    const struct sockaddr_in there = at(address, atoi(argv[3]));
    int client = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(client, (const struct sockaddr*)&there, sizeof(there)) != 0) return 1;
    return waitpid(child, NULL, 0) == child ? 0 : 1;
}
