// SPDX-License-Identifier: Apache-2.0
// exec_storm COUNT PROGRAM: runs PROGRAM COUNT times, one after the other, each with its number.
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char** argv) {
    if (argc != 3) return 2;
    const int count = atoi(argv[1]);
    for (int number = 0; number < count; ++number) {
        char text[16];
        snprintf(text, sizeof text, "%d", number);
        const pid_t child = fork();
        if (child < 0) {
            perror("exec_storm: fork");
            return 1;
        }
        if (child == 0) {
            execl(argv[2], argv[2], text, (char*)NULL);
            _exit(127);
        }
        int status = 0;
        if (waitpid(child, &status, 0) < 0 || status != 0) {
            fprintf(stderr, "exec_storm: run %d of %s ended with status %d\n", number, argv[2],
                    status);
            return 1;
        }
    }
    return 0;
}
