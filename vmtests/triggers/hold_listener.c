// SPDX-License-Identifier: Apache-2.0
// hold_listener: receives one descriptor over the unix socket that is descriptor 3, and holds it.
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

int main(void) {
    char byte = 0;
    struct iovec data = {.iov_base = &byte, .iov_len = 1};
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = {0};
    struct msghdr message = {.msg_iov = &data,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    if (recvmsg(3, &message, MSG_CMSG_CLOEXEC) != 1 || CMSG_FIRSTHDR(&message) == NULL) {
        fprintf(stderr, "hold_listener: no descriptor arrived\n");
        return 1;
    }
    pause();
    return 0;
}
