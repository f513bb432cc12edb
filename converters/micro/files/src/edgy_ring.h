/* SPDX-License-Identifier: Apache-2.0
 *
 * A ring buffer of samples between an interrupt, which alone writes, and the main loop, which alone reads. What does
 * not fit is lost and counted: sound cannot wait.
 */
#ifndef EDGY_RING_H
#define EDGY_RING_H

#include <stddef.h>
#include <stdint.h>

/* A power of two: 128 ms at 16 kHz. */
#define EDGY_RING_SAMPLES 2048u

typedef struct {
    int16_t samples[EDGY_RING_SAMPLES];
    volatile uint32_t written, read, lost;
} edgy_ring;

static inline size_t edgy_ring_room(const edgy_ring *ring) {
    return EDGY_RING_SAMPLES - (ring->written - ring->read);
}

/* From the interrupt. */
static inline void edgy_ring_write(edgy_ring *ring, const int16_t *pcm, size_t count) {
    uint32_t at = ring->written;
    for (size_t room = edgy_ring_room(ring); count; count--, pcm++) {
        if (room) {
            ring->samples[at++ % EDGY_RING_SAMPLES] = *pcm;
            room--;
        } else {
            ring->lost++;
        }
    }
    ring->written = at;
}

/* From the main loop: up to `most` samples, and how many there were. */
static inline size_t edgy_ring_read(edgy_ring *ring, int16_t *pcm, size_t most) {
    uint32_t at = ring->read, end = ring->written;
    size_t count = 0;
    while (count < most && at != end) pcm[count++] = ring->samples[at++ % EDGY_RING_SAMPLES];
    ring->read = at;
    return count;
}

#endif
