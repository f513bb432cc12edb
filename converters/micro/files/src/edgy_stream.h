/* SPDX-License-Identifier: Apache-2.0
 *
 * The .edgy wire format (docs/wire-format.md of EDGY): codes as packets, with number and checksum.
 */
#ifndef EDGY_STREAM_H
#define EDGY_STREAM_H

#include <stddef.h>
#include <stdint.h>

#include "edgy_config.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A packet leaves when it has so many codes, 1 to 255: they are the delay. */
#ifndef EDGY_CODES_PER_PACKET
#define EDGY_CODES_PER_PACKET 50
#endif

/* Where bytes go: a radio, a socket, a UART. */
typedef void (*edgy_sink)(void *context, const uint8_t *bytes, size_t count);

typedef struct {
    edgy_sink sink;
    void *context;
    uint32_t sequence, pending;
    uint64_t codes;
    uint16_t queue[EDGY_CODES_PER_PACKET];
} edgy_stream;

/* Sends the header. */
void edgy_stream_begin(edgy_stream *stream, edgy_sink sink, void *context);

void edgy_stream_write(edgy_stream *stream, const uint16_t *codes, size_t count);

/* Sends what is left, and that it was `samples` of sound. */
void edgy_stream_end(edgy_stream *stream, uint64_t samples);

#ifdef __cplusplus
}
#endif
#endif
