/* SPDX-License-Identifier: Apache-2.0
 *
 * Files of the machine that emulates, by semihosting.
 */
#ifndef HOST_H
#define HOST_H

#include <stddef.h>

enum { HOST_READ = 1, HOST_WRITE = 5 }; /* "rb", "wb" */

/* A file of the folder that the emulator was started in; ends the program if it cannot be had. */
int host_open(const char *name, int mode);

/* How many bytes were read; fewer than `count` at the end of the file. */
size_t host_read(int file, void *bytes, size_t count);

void host_write(int file, const void *bytes, size_t count);

/* Ends the emulation. */
void host_exit(int status) __attribute__((noreturn));

#endif
