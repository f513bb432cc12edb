/* SPDX-License-Identifier: Apache-2.0 */
#include "host.h"

#include <stdint.h>
#include <string.h>

enum { OPEN = 0x01, WRITE = 0x05, READ = 0x06, EXIT_EXTENDED = 0x20, APPLICATION_EXIT = 0x20026 };

static int call(int operation, const void *arguments) {
    register int r0 __asm("r0") = operation;
    register const void *r1 __asm("r1") = arguments;
    __asm volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

int host_open(const char *name, int mode) {
    uintptr_t arguments[] = {(uintptr_t)name, (uintptr_t)mode, strlen(name)};
    int file = call(OPEN, arguments);
    if (file < 0) host_exit(3);
    return file;
}

size_t host_read(int file, void *bytes, size_t count) {
    uintptr_t arguments[] = {(uintptr_t)file, (uintptr_t)bytes, count};
    return count - (size_t)call(READ, arguments);
}

void host_write(int file, const void *bytes, size_t count) {
    uintptr_t arguments[] = {(uintptr_t)file, (uintptr_t)bytes, count};
    if (call(WRITE, arguments)) host_exit(3);
}

void host_exit(int status) {
    uintptr_t arguments[] = {APPLICATION_EXIT, (uintptr_t)status};
    call(EXIT_EXTENDED, arguments);
    for (;;) {
    }
}
