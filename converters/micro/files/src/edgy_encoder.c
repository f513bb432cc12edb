/* SPDX-License-Identifier: Apache-2.0 */
#include "edgy_encoder.h"

#include "codebook.h"
#include "edgy_network.h"

/* As edgy_encoder_process, without counting the samples as sound. */
static int advance(edgy_encoder *encoder, const int16_t *pcm, size_t count, uint16_t *codes) {
    int found = 0;
    while (count) {
        size_t taken;
        int complete = edgy_frontend_take(&encoder->frontend, pcm, count, &taken,
                                          encoder->levels + EDGY_MELS * encoder->frames);
        pcm += taken;
        count -= taken;
        if (!complete || ++encoder->frames < EDGY_FRAMES) continue;
        encoder->frames = 0;
        const int8_t *units = edgy_network_step(encoder->levels);
        if (!units) return -1;
        if (encoder->unready) {
            encoder->unready--;
        } else {
            codes[found++] = edgy_code(units);
        }
    }
    encoder->codes += found;
    return found;
}

int edgy_encoder_begin(edgy_encoder *encoder) {
    static const int16_t silence[EDGY_HOP];
    edgy_frontend_begin(&encoder->frontend);
    for (int i = 0; i < EDGY_LEAD * EDGY_MELS; i++) encoder->levels[i] = EDGY_SILENCE;
    encoder->frames = EDGY_LEAD;
    encoder->unready = EDGY_UNREADY;
    encoder->samples = encoder->codes = 0;
    if (edgy_network_begin()) return -1;
    /* What the first code sees of the time before the sound. No code is complete yet. */
    for (int i = 0; i < EDGY_HISTORY; i++) {
        if (advance(encoder, silence, EDGY_HOP, 0) < 0) return -1;
    }
    return 0;
}

int edgy_encoder_process(edgy_encoder *encoder, const int16_t *pcm, size_t count, uint16_t *codes) {
    encoder->samples += count;
    return advance(encoder, pcm, count, codes);
}

int edgy_encoder_flush(edgy_encoder *encoder, uint16_t *code) {
    static const int16_t silence[EDGY_HOP];
    if (encoder->codes * EDGY_SAMPLES_PER_CODE >= encoder->samples) return 0;
    for (;;) {
        int found = advance(encoder, silence, EDGY_HOP, code);
        if (found) return found;
    }
}
