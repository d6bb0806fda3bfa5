// SPDX-License-Identifier: Apache-2.0
/*
 * exec_storm COUNT PROGRAM: executes PROGRAM that many times, one after the other, with the number
 * of the run as its argument. Prints how many ran.
 */
#include <spawn.h>
#include <sys/wait.h>

#include "endpoint.h"

int main(int argc, char** argv) {
    if (argc != 3) {
        fputs("usage: exec_storm COUNT PROGRAM\n", stderr);
        return 2;
    }
    unsigned long count = number(argv[1]);
    char* const environment[] = {NULL};
    for (unsigned long done = 0; done < count; ++done) {
        char run[24];
        snprintf(run, sizeof(run), "%lu", done);
        char* const arguments[] = {argv[2], run, NULL};
        pid_t child;
        int status;
        if (posix_spawn(&child, argv[2], NULL, NULL, arguments, environment)) die("posix_spawn");
        if (waitpid(child, &status, 0) != child || status != 0) die("waitpid");
    }
    printf("%lu\n", count);
    return 0;
}
