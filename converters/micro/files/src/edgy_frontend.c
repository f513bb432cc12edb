/* SPDX-License-Identifier: Apache-2.0 */
#include "edgy_frontend.h"

#include <string.h>

#include "edgy_tables.h"
/* Of CMSIS-DSP; the whole of arm_math.h would do, too. */
#include "dsp/complex_math_functions.h"
#include "dsp/fast_math_functions.h"
#include "dsp/transform_functions.h"

static arm_rfft_fast_instance_f32 fft;

void edgy_frontend_begin(edgy_frontend *frontend) {
    /* The one of this length, and not arm_rfft_fast_init_f32, which links the tables of all lengths. */
    EDGY_FFT_BEGIN(&fft);
    memset(frontend, 0, sizeof *frontend);
    /* A frame is centred on the middle of its own EDGY_HOP samples. */
    frontend->filled = (EDGY_WINDOW - EDGY_HOP) / 2;
}

static void features(const float *samples, int8_t *levels) {
    /* Static, because stacks are small; a stream computes one frame at a time. */
    static float windowed[EDGY_FFT], spectrum[EDGY_FFT];
    for (int i = 0; i < EDGY_WINDOW; i++) windowed[i] = samples[i] * edgy_hann[i];
    memset(windowed + EDGY_WINDOW, 0, sizeof(float) * (EDGY_FFT - EDGY_WINDOW));
    arm_rfft_fast_f32(&fft, windowed, spectrum, 0);
    float *magnitude = windowed, *mel = spectrum;
    /* The real values of the first and the last bin share a place; no mel filter has the first. */
    float last = spectrum[1] < 0 ? -spectrum[1] : spectrum[1];
    spectrum[1] = 0;
    arm_cmplx_mag_f32(spectrum, magnitude, EDGY_FFT / 2);
    magnitude[EDGY_FFT / 2] = last;
    const float *weight = edgy_mel_weights;
    for (int m = 0; m < EDGY_MELS; m++) {
        float sum = 0;
        const float *bin = magnitude + edgy_mel_first[m];
        for (int i = 0; i < edgy_mel_count[m]; i++) sum += *bin++ * *weight++;
        mel[m] = sum > EDGY_MEL_FLOOR ? sum : EDGY_MEL_FLOOR;
    }
    arm_vlog_f32(mel, magnitude, EDGY_MELS);
    for (int m = 0; m < EDGY_MELS; m++) {
        /* Steps of the network's input above that of silence: never negative, so that a cast rounds down. */
        float steps = magnitude[m] * EDGY_STEPS_PER_NEPER + EDGY_STEPS_AT_ONE;
        int level = EDGY_SILENCE + (steps > 0 ? (int)(steps + 0.5f) : 0);
        levels[m] = level > 127 ? 127 : (int8_t)level;
    }
}

int edgy_frontend_take(edgy_frontend *frontend, const int16_t *pcm, size_t count, size_t *taken, int8_t *levels) {
    size_t room = EDGY_WINDOW - frontend->filled;
    *taken = count < room ? count : room;
    float *out = frontend->samples + frontend->filled, previous = frontend->previous;
    for (size_t i = 0; i < *taken; i++) {
        float sample = pcm[i] * (1.0f / 32768.0f);
        *out++ = sample - EDGY_PREEMPHASIS * previous;
        previous = sample;
    }
    frontend->previous = previous;
    frontend->filled += *taken;
    if (frontend->filled < EDGY_WINDOW) return 0;
    features(frontend->samples, levels);
    frontend->filled = EDGY_WINDOW - EDGY_HOP;
    memmove(frontend->samples, frontend->samples + EDGY_HOP, sizeof(float) * frontend->filled);
    return 1;
}
