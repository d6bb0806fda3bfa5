// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct endpoint {
    struct sockaddr_storage address;
    socklen_t length;
};

_Noreturn static inline void die(const char* what) {
    perror(what);
    exit(1);
}

static inline unsigned long number(const char* text) {
    char* end;
    unsigned long value = strtoul(text, &end, 10);
    if (end == text || *end) {
        fprintf(stderr, "not a number: %s\n", text);
        exit(2);
    }
    return value;
}

/* An IPv4-mapped address (::ffff:192.0.2.1) is IPv6 here, as it is for the kernel. */
static inline struct endpoint endpoint_of(const char* ip, const char* port) {
    struct endpoint end = {0};
    struct sockaddr_in* four = (struct sockaddr_in*)&end.address;
    struct sockaddr_in6* six = (struct sockaddr_in6*)&end.address;
    if (inet_pton(AF_INET, ip, &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        four->sin_port = htons((in_port_t)number(port));
        end.length = sizeof(*four);
    } else if (inet_pton(AF_INET6, ip, &six->sin6_addr) == 1) {
        six->sin6_family = AF_INET6;
        six->sin6_port = htons((in_port_t)number(port));
        end.length = sizeof(*six);
    } else {
        fprintf(stderr, "not an address: %s\n", ip);
        exit(2);
    }
    return end;
}
