// SPDX-License-Identifier: Apache-2.0
/*
 * listener MODE IP PORT: listens, never accepts, and ends when standard input does.
 *   plain      one process
 *   fork       a child holds the socket too
 *   orphan     the process that called listen() is gone: only its child holds the socket
 *   pass       another process got the socket through SCM_RIGHTS; the two inherited nothing
 *   reuseport  two processes, two sockets, one port (SO_REUSEPORT)
 *   mptcp      protocol 262; exit 4 when the kernel has none
 *   handover   the first process passes the socket through SCM_RIGHTS and closes its own
 *   brief      closes the socket when the first byte of standard input comes, then waits
 * Prints `holders PID…` once all of that is so.
 */
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "endpoint.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

static int listen_on(const struct endpoint* here, int protocol) {
    int one = 1;
    int listener = socket(here->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, protocol);
    if (listener < 0) {
        if (protocol == IPPROTO_MPTCP) exit(4);
        die("socket");
    }
    if (setsockopt(listener, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)) ||
        bind(listener, (const struct sockaddr*)&here->address, here->length) ||
        listen(listener, 16))
        die("listening");
    return listener;
}

static void wait_for_end_of(int from) {
    char byte;
    while (read(from, &byte, 1) > 0);
}

static void send_socket(int channel, int listener) {
    char byte = 'x';
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec data = {&byte, 1};
    struct msghdr message = {.msg_iov = &data,
                             .msg_iovlen = 1,
                             .msg_control = control.room,
                             .msg_controllen = sizeof(control.room)};
    struct cmsghdr* part = CMSG_FIRSTHDR(&message);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(part), &listener, sizeof(int));
    if (sendmsg(channel, &message, 0) != 1) die("sendmsg");
}

static void receive_socket(int channel) {
    char byte;
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec data = {&byte, 1};
    struct msghdr message = {.msg_iov = &data,
                             .msg_iovlen = 1,
                             .msg_control = control.room,
                             .msg_controllen = sizeof(control.room)};
    if (recvmsg(channel, &message, 0) != 1 || !CMSG_FIRSTHDR(&message)) die("recvmsg");
}

int main(int argc, char** argv) {
    if (argc != 4) {
        fputs("usage: listener MODE IP PORT\n", stderr);
        return 2;
    }
    const char* mode = argv[1];
    struct endpoint here = endpoint_of(argv[2], argv[3]);
    int protocol = strcmp(mode, "mptcp") == 0 ? IPPROTO_MPTCP : 0;
    int handover = strcmp(mode, "handover") == 0;
    int pass = handover || strcmp(mode, "pass") == 0;
    int reuse = strcmp(mode, "reuseport") == 0;
    int orphan = strcmp(mode, "orphan") == 0;
    int twice = pass || reuse || orphan || strcmp(mode, "fork") == 0;

    int channel[2];
    int alive[2];
    int ready[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, channel) || pipe(alive) || pipe(ready)) die("pipe");

    /* What the child must not inherit is made after the fork. */
    int listener = pass || reuse ? -1 : listen_on(&here, protocol);
    pid_t child = twice ? fork() : 0;
    if (child < 0) die("fork");
    if (twice && child == 0) {
        prctl(PR_SET_PDEATHSIG, orphan ? 0 : SIGKILL);
        close(alive[1]);
        close(ready[0]);
        if (pass) receive_socket(channel[1]);
        if (reuse) listen_on(&here, 0);
        if (write(ready[1], "r", 1) != 1) die("write");
        close(ready[1]);
        wait_for_end_of(orphan ? STDIN_FILENO : alive[0]);
        return 0;
    }
    if (pass) {
        listener = listen_on(&here, 0);
        send_socket(channel[0], listener);
    }
    if (reuse) listener = listen_on(&here, 0);
    if (twice) {
        char byte;
        if (read(ready[0], &byte, 1) != 1) die("the child's answer");
    }
    if (handover) {
        close(listener);
        printf("holders %d\n", (int)child);
    } else if (orphan) {
        printf("holders %d\n", (int)child);
    } else if (twice) {
        printf("holders %d %d\n", (int)getpid(), (int)child);
    } else {
        printf("holders %d\n", (int)getpid());
    }
    fflush(stdout);
    if (orphan) return 0;
    if (strcmp(mode, "brief") == 0) {
        char byte;
        if (read(STDIN_FILENO, &byte, 1) == 1) {
            close(listener);
            puts("closed");
            fflush(stdout);
        }
    }
    wait_for_end_of(STDIN_FILENO);
    close(alive[1]);
    if (twice) waitpid(child, NULL, 0);
    return 0;
}
