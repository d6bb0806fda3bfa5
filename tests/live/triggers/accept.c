// SPDX-License-Identifier: Apache-2.0
/*
 * accept IP PORT [http]: accepts connections and closes them at once, until it is ended. With http
 * it reads a request and answers it first.
 */
#include <errno.h>
#include <unistd.h>

#include "endpoint.h"

static void answer(int client) {
    static const char text[] = "HTTP/1.0 200 OK\r\n\r\n";
    char request[1024];
    if (read(client, request, sizeof(request)) > 0 &&
        write(client, text, sizeof(text) - 1) != (ssize_t)sizeof(text) - 1)
        perror("write");
}

int main(int argc, char** argv) {
    if (argc < 3) {
        fputs("usage: accept IP PORT [http]\n", stderr);
        return 2;
    }
    struct endpoint here = endpoint_of(argv[1], argv[2]);
    int one = 1;
    int listener = socket(here.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0 || setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
        bind(listener, (struct sockaddr*)&here.address, here.length) || listen(listener, 1024))
        die("listening");
    for (;;) {
        int client = accept(listener, NULL, NULL);
        if (client >= 0) {
            if (argc > 3) answer(client);
            close(client);
        } else if (errno != ECONNABORTED && errno != EINTR)
            die("accept");
    }
}
