// SPDX-License-Identifier: Apache-2.0
/* uring_connect IP PORT: connects and sends through io_uring alone. Exit 4: no io_uring here. */
#include <liburing.h>
#include <unistd.h>

#include "endpoint.h"

static int complete(struct io_uring* ring) {
    struct io_uring_cqe* done;
    if (io_uring_submit(ring) != 1 || io_uring_wait_cqe(ring, &done)) die("io_uring");
    int result = done->res;
    io_uring_cqe_seen(ring, done);
    return result;
}

int main(int argc, char** argv) {
    if (argc != 3) {
        fputs("usage: uring_connect IP PORT\n", stderr);
        return 2;
    }
    struct endpoint there = endpoint_of(argv[1], argv[2]);
    struct io_uring ring;
    if (io_uring_queue_init(4, &ring, 0)) {
        fputs("no io_uring\n", stderr);
        return 4;
    }
    int server = socket(there.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (server < 0) die("socket");
    struct io_uring_sqe* entry = io_uring_get_sqe(&ring);
    io_uring_prep_connect(entry, server, (struct sockaddr*)&there.address, there.length);
    /* In a worker of the kernel's, not in our own task. */
    io_uring_sqe_set_flags(entry, IOSQE_ASYNC);
    int result = complete(&ring);
    if (result < 0) {
        fprintf(stderr, "connect: %s\n", strerror(-result));
        return 1;
    }
    static const char text[] = "GET /uring HTTP/1.0\r\n\r\n";
    entry = io_uring_get_sqe(&ring);
    io_uring_prep_send(entry, server, text, sizeof(text) - 1, 0);
    if (complete(&ring) != (int)sizeof(text) - 1) die("send");
    char answer[4096];
    entry = io_uring_get_sqe(&ring);
    io_uring_prep_recv(entry, server, answer, sizeof(answer), 0);
    if (complete(&ring) <= 0) die("recv");
    puts("answered");
    io_uring_queue_exit(&ring);
    return 0;
}
