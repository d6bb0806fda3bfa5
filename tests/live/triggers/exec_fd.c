// SPDX-License-Identifier: Apache-2.0
/*
 * exec_fd memfd|deleted PROGRAM [ARGUMENT]…: executes a copy of PROGRAM that lives in a memfd, or a
 * file whose name is gone already (the copy is made next to PROGRAM).
 */
#include <fcntl.h>
#include <limits.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "endpoint.h"

extern char** environ;

int main(int argc, char** argv) {
    if (argc < 3) {
        fputs("usage: exec_fd memfd|deleted PROGRAM [ARGUMENT]...\n", stderr);
        return 2;
    }
    int from = open(argv[2], O_RDONLY | O_CLOEXEC);
    struct stat size;
    if (from < 0 || fstat(from, &size)) die(argv[2]);
    char name[PATH_MAX];
    snprintf(name, sizeof(name), "%s.gone-%d", argv[2], (int)getpid());
    int in_memory = strcmp(argv[1], "memfd") == 0;
    int copy = in_memory ? memfd_create("assay-trigger", MFD_CLOEXEC)
                         : open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
    if (copy < 0) die("making the copy");
    for (off_t left = size.st_size; left > 0;) {
        ssize_t put = sendfile(copy, from, NULL, (size_t)left);
        if (put <= 0) die("copying");
        left -= put;
    }
    if (!in_memory) {
        /* A file that is open for writing cannot be executed. */
        close(copy);
        copy = open(name, O_RDONLY | O_CLOEXEC);
        if (copy < 0 || unlink(name)) die(name);
    }
    fexecve(copy, argv + 2, environ);
    die("fexecve");
}
