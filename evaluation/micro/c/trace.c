/* SPDX-License-Identifier: Apache-2.0
 *
 * Encodes the utterances of the file `in`, each an int32 number of samples and the samples, one stream each. Writes
 * `levels`, what each step of the network took, and `codes`, for each utterance an int32 number of codes and the codes.
 */
#include <stdint.h>

#include "edgy_encoder.h"
#include "host.h"

/* Not a divisor of anything. */
enum { CHUNK = 1000, MOST_CODES = 60 * 50 };

const int8_t *__real_edgy_network_step(const int8_t *levels);

static int levels_file;

/* The linker puts it in the place of the network's own. */
const int8_t *__wrap_edgy_network_step(const int8_t *levels) {
    host_write(levels_file, levels, EDGY_FRAMES * EDGY_MELS);
    return __real_edgy_network_step(levels);
}

int main(void) {
    static edgy_encoder encoder;
    static int16_t pcm[CHUNK];
    static uint16_t codes[MOST_CODES];
    int in = host_open("in", HOST_READ), out = host_open("codes", HOST_WRITE);
    levels_file = host_open("levels", HOST_WRITE);
    int32_t left;
    while (host_read(in, &left, sizeof left) == sizeof left) {
        int32_t found = 0;
        if (edgy_encoder_begin(&encoder)) return 1;
        while (left) {
            size_t count = host_read(in, pcm, sizeof *pcm * (left < CHUNK ? left : CHUNK)) / sizeof *pcm;
            if (!count || found + EDGY_MOST_CODES(count) > MOST_CODES) return 1;
            int more = edgy_encoder_process(&encoder, pcm, count, codes + found);
            if (more < 0) return 1;
            found += more;
            left -= count;
        }
        for (int more; (more = edgy_encoder_flush(&encoder, codes + found)) != 0; found++) {
            if (more < 0) return 1;
        }
        host_write(out, &found, sizeof found);
        host_write(out, codes, sizeof *codes * found);
    }
    return 0;
}
