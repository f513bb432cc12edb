/* SPDX-License-Identifier: Apache-2.0 */
#include "edgy_stream.h"

#include <string.h>

enum { CODES = 0x01, END = 0x03 };
enum { HEAD = 7, CRC = 4, PACKED = (EDGY_CODES_PER_PACKET * EDGY_CODE_BITS + 7) / 8, TOTALS = 16 };
enum { BODY = 1 + PACKED > TOTALS ? 1 + PACKED : TOTALS };

/* The CRC-32 of zlib, four bits at a time. */
static uint32_t crc32(const uint8_t *bytes, size_t count) {
    static const uint32_t table[16] = {
        0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
        0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
    };
    uint32_t crc = 0xffffffff;
    while (count--) {
        crc ^= *bytes++;
        crc = crc >> 4 ^ table[crc & 15];
        crc = crc >> 4 ^ table[crc & 15];
    }
    return ~crc;
}

static uint8_t *put(uint8_t *at, uint64_t value, int bytes) {
    for (int i = 0; i < bytes; i++) *at++ = (uint8_t)(value >> 8 * i);
    return at;
}

static void send(edgy_stream *stream, uint8_t *bytes, size_t count) {
    put(bytes + count, crc32(bytes, count), CRC);
    stream->sink(stream->context, bytes, count + CRC);
}

/* Sends the packet whose body of `count` bytes lies behind the place of its head. */
static void send_packet(edgy_stream *stream, int kind, uint8_t *packet, size_t count) {
    put(put(put(packet, kind, 1), stream->sequence++, 4), count, 2);
    send(stream, packet, HEAD + count);
}

static void send_codes(edgy_stream *stream) {
    uint8_t packet[HEAD + BODY + CRC], *at = put(packet + HEAD, stream->pending, 1);
    uint32_t bits = 0, kept = 0;
    for (uint32_t i = 0; i < stream->pending; i++) {
        bits = bits << EDGY_CODE_BITS | stream->queue[i];
        for (kept += EDGY_CODE_BITS; kept >= 8; kept -= 8) *at++ = (uint8_t)(bits >> (kept - 8));
    }
    if (kept) *at++ = (uint8_t)(bits << (8 - kept));
    stream->pending = 0;
    send_packet(stream, CODES, packet, at - packet - HEAD);
}

void edgy_stream_begin(edgy_stream *stream, edgy_sink sink, void *context) {
    static const uint8_t codebook[] = EDGY_CODEBOOK_ID_BYTES;
    uint8_t header[32] = {'E', 'D', 'G', 'Y', 1, 0}, *at = header + 6;
    memset(stream, 0, sizeof *stream);
    stream->sink = sink;
    stream->context = context;
    memcpy(at, codebook, 8);
    at = put(put(at + 8, EDGY_SAMPLE_RATE, 4), EDGY_SAMPLES_PER_CODE, 2);
    at = put(put(at, EDGY_CODE_BITS, 1), EDGY_CODEBOOK_SIZE - 1, 2);
    send(stream, header, at - header);
}

void edgy_stream_write(edgy_stream *stream, const uint16_t *codes, size_t count) {
    for (; count--; stream->codes++) {
        stream->queue[stream->pending++] = *codes++;
        if (stream->pending == EDGY_CODES_PER_PACKET) send_codes(stream);
    }
}

void edgy_stream_end(edgy_stream *stream, uint64_t samples) {
    uint8_t packet[HEAD + TOTALS + CRC];
    if (stream->pending) send_codes(stream);
    put(put(packet + HEAD, stream->codes, 8), samples, 8);
    send_packet(stream, END, packet, TOTALS);
}
