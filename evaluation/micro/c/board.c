/* SPDX-License-Identifier: Apache-2.0
 *
 * The board of the library's example: its microphone hears the samples of the file `in`, and what it sends becomes the
 * file `out`.
 */
#include <stdbool.h>
#include <stdint.h>

#include "edgy_config.h"
#include "host.h"

void microphone_heard(const int16_t *pcm, size_t count);

static int in, out;

bool board_microphone_start(void) {
    in = host_open("in", HOST_READ);
    out = host_open("out", HOST_WRITE);
    return true;
}

/* No interrupts here: each question is a time to hear. */
bool board_microphone_stopped(void) {
    int16_t pcm[EDGY_HOP];
    size_t count = host_read(in, pcm, sizeof pcm) / sizeof *pcm;
    microphone_heard(pcm, count);
    return count == 0;
}

void board_send(const uint8_t *bytes, size_t count) {
    host_write(out, bytes, count);
}
