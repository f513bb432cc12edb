/* SPDX-License-Identifier: Apache-2.0
 *
 * The log-mel front end on CMSIS-DSP: every EDGY_HOP samples become EDGY_MELS integers, as the network takes them.
 */
#ifndef EDGY_FRONTEND_H
#define EDGY_FRONTEND_H

#include <stddef.h>
#include <stdint.h>

#include "edgy_config.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    float samples[EDGY_WINDOW]; /* after pre-emphasis; the first `filled` of them are there */
    uint32_t filled;
    float previous;
} edgy_frontend;

/* Begins a stream: before its first sample lies silence. */
void edgy_frontend_begin(edgy_frontend *frontend);

/* Takes up to `count` samples, until a frame is complete: 1 if it wrote `levels[EDGY_MELS]`, else 0. `taken`: how many
 * samples it took. */
int edgy_frontend_take(edgy_frontend *frontend, const int16_t *pcm, size_t count, size_t *taken, int8_t *levels);

#ifdef __cplusplus
}
#endif
#endif
