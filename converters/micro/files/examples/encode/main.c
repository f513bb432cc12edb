/* SPDX-License-Identifier: Apache-2.0
 *
 * A microphone becomes a stream of codes. Yours are three functions: one that starts the microphone and calls
 * `microphone_heard` with what it records, one that sends bytes, and one that says when to stop.
 */
#include <stdbool.h>

#include "edgy_encoder.h"
#include "edgy_ring.h"
#include "edgy_stream.h"

enum { CHUNK = EDGY_HOP };

bool board_microphone_start(void);
bool board_microphone_stopped(void);
void board_send(const uint8_t *bytes, size_t count);

static edgy_ring ring;
static edgy_encoder encoder;
static edgy_stream stream;

/* From the interrupt of the microphone: 16 kHz, one channel. */
void microphone_heard(const int16_t *pcm, size_t count) {
    edgy_ring_write(&ring, pcm, count);
}

static void send(void *context, const uint8_t *bytes, size_t count) {
    (void)context;
    board_send(bytes, count);
}

int main(void) {
    static int16_t pcm[CHUNK];
    static uint16_t codes[EDGY_MOST_CODES(CHUNK)];

    if (edgy_encoder_begin(&encoder) || !board_microphone_start()) return 1;
    edgy_stream_begin(&stream, send, NULL);
    for (;;) {
        /* Asked first, so that what came before the end is still read. */
        bool stopped = board_microphone_stopped();
        size_t count = edgy_ring_read(&ring, pcm, CHUNK);
        if (count == 0) {
            if (stopped) break;
            continue; /* or sleep until the next interrupt */
        }
        int found = edgy_encoder_process(&encoder, pcm, count, codes);
        if (found < 0) return 1;
        edgy_stream_write(&stream, codes, (size_t)found);
    }
    for (int found; (found = edgy_encoder_flush(&encoder, codes)) != 0;) {
        if (found < 0) return 1;
        edgy_stream_write(&stream, codes, 1);
    }
    edgy_stream_end(&stream, encoder.samples);
    return ring.lost != 0;
}
