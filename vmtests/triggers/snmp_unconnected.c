// SPDX-License-Identifier: Apache-2.0
// snmp_unconnected ADDRESS PORT: sends one SNMP v2c get (sysDescr.0, community "public") with
// sendto on a UDP socket that was never connected.
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

int main(int argc, char** argv) {
    if (argc != 3) return 2;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((unsigned short)atoi(argv[2]))};
    if (inet_pton(AF_INET, argv[1], &address.sin_addr) != 1) return 2;
    static const unsigned char get[] = {
        0x30, 0x29, 0x02, 0x01, 0x01, 0x04, 0x06, 'p',  'u',  'b',  'l',  'i',  'c',  0xa0, 0x1c,
        0x02, 0x04, 0x1a, 0x2b, 0x3c, 0x4d, 0x02, 0x01, 0x00, 0x02, 0x01, 0x00, 0x30, 0x0e, 0x30,
        0x0c, 0x06, 0x08, 0x2b, 0x06, 0x01, 0x02, 0x01, 0x01, 0x01, 0x00, 0x05, 0x00};
    const int client = socket(AF_INET, SOCK_DGRAM, 0);
    if (client < 0 || sendto(client, get, sizeof get, 0, (struct sockaddr*)&address,
                             sizeof address) != (long)sizeof get) {
        perror("snmp_unconnected");
        return 1;
    }
    return 0;
}
