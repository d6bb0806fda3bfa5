// SPDX-License-Identifier: Apache-2.0
// exec_without_aslr PROGRAM ARGUMENT: executes PROGRAM with ADDR_NO_RANDOMIZE set.
#include <stdio.h>
#include <sys/personality.h>
#include <unistd.h>

int main(int argc, char** argv) {
    if (argc != 3) return 2;
    if (personality(ADDR_NO_RANDOMIZE) < 0) {
        perror("exec_without_aslr: personality");
        return 1;
    }
    execl(argv[1], argv[1], argv[2], (char*)NULL);
    perror(argv[1]);
    return 1;
}
