// SPDX-License-Identifier: Apache-2.0
// http_over_io_uring ADDRESS PORT: connects and sends a request with nothing but io_uring
// operations (IORING_OP_CONNECT, IORING_OP_SEND), then reads the answer. Exit code 77: this kernel
// has no io_uring. It talks to the rings directly because a static liburing is not packaged.
#include <arpa/inet.h>
#include <errno.h>
#include <linux/io_uring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

struct ring {
    int descriptor;
    unsigned* submit_tail;
    const unsigned* submit_mask;
    unsigned* submit_array;
    struct io_uring_sqe* entries;
    unsigned* complete_head;
    const unsigned* complete_tail;
    const unsigned* complete_mask;
    const struct io_uring_cqe* completions;
};

static int open_ring(struct ring* ring) {
    struct io_uring_params parameters;
    memset(&parameters, 0, sizeof parameters);
    ring->descriptor = (int)syscall(SYS_io_uring_setup, 4, &parameters);
    if (ring->descriptor < 0) return -1;
    const size_t submit_size = parameters.sq_off.array + parameters.sq_entries * sizeof(unsigned);
    const size_t complete_size =
        parameters.cq_off.cqes + parameters.cq_entries * sizeof(struct io_uring_cqe);
    char* submit = mmap(NULL, submit_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
                        ring->descriptor, IORING_OFF_SQ_RING);
    char* complete = mmap(NULL, complete_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
                          ring->descriptor, IORING_OFF_CQ_RING);
    ring->entries =
        mmap(NULL, parameters.sq_entries * sizeof(struct io_uring_sqe), PROT_READ | PROT_WRITE,
             MAP_SHARED | MAP_POPULATE, ring->descriptor, IORING_OFF_SQES);
    if (submit == MAP_FAILED || complete == MAP_FAILED || ring->entries == MAP_FAILED) return -1;
    ring->submit_tail = (unsigned*)(submit + parameters.sq_off.tail);
    ring->submit_mask = (unsigned*)(submit + parameters.sq_off.ring_mask);
    ring->submit_array = (unsigned*)(submit + parameters.sq_off.array);
    ring->complete_head = (unsigned*)(complete + parameters.cq_off.head);
    ring->complete_tail = (unsigned*)(complete + parameters.cq_off.tail);
    ring->complete_mask = (unsigned*)(complete + parameters.cq_off.ring_mask);
    ring->completions = (struct io_uring_cqe*)(complete + parameters.cq_off.cqes);
    return 0;
}

// Submits one operation, waits for it, and gives its result (negative: errno).
static int perform(struct ring* ring, const struct io_uring_sqe* operation) {
    const unsigned tail = *ring->submit_tail;
    const unsigned slot = tail & *ring->submit_mask;
    ring->entries[slot] = *operation;
    ring->submit_array[slot] = slot;
    __atomic_store_n(ring->submit_tail, tail + 1, __ATOMIC_RELEASE);
    while (syscall(SYS_io_uring_enter, ring->descriptor, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) <
           0) {
        if (errno != EINTR) return -errno;
    }
    const unsigned head = *ring->complete_head;
    if (__atomic_load_n(ring->complete_tail, __ATOMIC_ACQUIRE) == head) return -EAGAIN;
    const int result = ring->completions[head & *ring->complete_mask].res;
    __atomic_store_n(ring->complete_head, head + 1, __ATOMIC_RELEASE);
    return result;
}

int main(int argc, char** argv) {
    if (argc != 3) return 2;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((unsigned short)atoi(argv[2]))};
    if (inet_pton(AF_INET, argv[1], &address.sin_addr) != 1) return 2;
    struct ring ring;
    if (open_ring(&ring) < 0) {
        perror("http_over_io_uring: io_uring");
        return errno == ENOSYS || errno == EPERM ? 77 : 1;
    }
    const int client = socket(AF_INET, SOCK_STREAM, 0);
    struct io_uring_sqe connect_it = {.opcode = IORING_OP_CONNECT, .fd = client};
    connect_it.addr = (unsigned long)&address;
    connect_it.off = sizeof address;
    int result = perform(&ring, &connect_it);
    if (result < 0) {
        fprintf(stderr, "http_over_io_uring: connect: %s\n", strerror(-result));
        return 1;
    }
    static const char request[] = "GET / HTTP/1.0\r\nHost: ring\r\n\r\n";
    struct io_uring_sqe send_it = {.opcode = IORING_OP_SEND, .fd = client};
    send_it.addr = (unsigned long)request;
    send_it.len = sizeof request - 1;
    result = perform(&ring, &send_it);
    if (result < 0) {
        fprintf(stderr, "http_over_io_uring: send: %s\n", strerror(-result));
        return 1;
    }
    char answer[512];
    while (recv(client, answer, sizeof answer, 0) > 0) {
    }
    return 0;
}
