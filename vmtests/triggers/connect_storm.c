// SPDX-License-Identifier: Apache-2.0
// connect_storm PORT COUNT: listens on 127.0.0.1:PORT, connects to itself COUNT times, no byte
// sent.
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char** argv) {
    if (argc != 3) return 2;
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons((unsigned short)atoi(argv[1])),
                                        .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0 || bind(listener, (const struct sockaddr*)&address, sizeof address) < 0 ||
        listen(listener, 8) < 0) {
        perror("connect_storm: listen");
        return 1;
    }
    // Reset at close, so that a long storm does not run out of ports in TIME_WAIT.
    const struct linger reset = {.l_onoff = 1, .l_linger = 0};
    for (int left = atoi(argv[2]); left > 0; --left) {
        const int client = socket(AF_INET, SOCK_STREAM, 0);
        if (client < 0 || setsockopt(client, SOL_SOCKET, SO_LINGER, &reset, sizeof reset) < 0 ||
            connect(client, (const struct sockaddr*)&address, sizeof address) < 0) {
            perror("connect_storm: connect");
            return 1;
        }
        const int server = accept(listener, NULL, NULL);
        if (server < 0) {
            perror("connect_storm: accept");
            return 1;
        }
        close(client);
        close(server);
    }
    return 0;
}
