/* SPDX-License-Identifier: Apache-2.0
 *
 * Samples in, codes out: any chunks of the same sound give the same codes.
 */
#ifndef EDGY_ENCODER_H
#define EDGY_ENCODER_H

#include <stddef.h>
#include <stdint.h>

#include "edgy_config.h"
#include "edgy_frontend.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    edgy_frontend frontend;
    int8_t levels[EDGY_FRAMES * EDGY_MELS];
    uint32_t frames;   /* of `levels` that are there */
    uint32_t unready;  /* steps whose codes mean nothing, because the states are not yet full */
    uint64_t samples;  /* of sound, heard so far */
    uint64_t codes;    /* given so far */
} edgy_encoder;

/* Most codes that `count` samples complete. */
#define EDGY_MOST_CODES(count) ((count) / EDGY_SAMPLES_PER_CODE + 1)

/* Begins a stream. 0, or -1 if the network cannot run here. */
int edgy_encoder_begin(edgy_encoder *encoder);

/* Takes `pcm[count]` and writes the codes that it completes: how many, at most EDGY_MOST_CODES(count), or -1. */
int edgy_encoder_process(edgy_encoder *encoder, const int16_t *pcm, size_t count, uint16_t *codes);

/* Ends the stream: the next of its last codes, one at a time, as if silence followed. 1, or 0 if there is none
 * left, or -1. */
int edgy_encoder_flush(edgy_encoder *encoder, uint16_t *code);

#ifdef __cplusplus
}
#endif
#endif
