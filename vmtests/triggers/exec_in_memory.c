// SPDX-License-Identifier: Apache-2.0
// exec_in_memory PROGRAM ARGUMENT: copies PROGRAM into a memfd and executes it from there.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

int main(int argc, char** argv) {
    if (argc != 3) return 2;
    const int program = open(argv[1], O_RDONLY | O_CLOEXEC);
    struct stat file;
    if (program < 0 || fstat(program, &file) < 0) {
        perror(argv[1]);
        return 1;
    }
    const int memory = memfd_create("in-memory", MFD_CLOEXEC);
    if (memory < 0 || sendfile(memory, program, NULL, (size_t)file.st_size) != file.st_size) {
        perror("exec_in_memory: memfd");
        return 1;
    }
    char* const arguments[] = {argv[1], argv[2], NULL};
    char* const environment[] = {NULL};
    fexecve(memory, arguments, environment);
    perror("exec_in_memory: fexecve");
    return 1;
}
