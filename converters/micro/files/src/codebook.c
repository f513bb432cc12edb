/* SPDX-License-Identifier: Apache-2.0 */
#include "codebook.h"

#include "dsp/basic_math_functions.h"

uint16_t edgy_code(const int8_t *units) {
    int16_t wide[EDGY_UNITS];
    for (int i = 0; i < EDGY_UNITS; i++) wide[i] = units[i];
    uint16_t best = 0;
    int64_t highest = INT64_MIN;
    for (int code = 0; code < EDGY_CODEBOOK_SIZE; code++) {
        /* Exact: its sum has 64 bits. */
        int64_t score;
        arm_dot_prod_q15(wide, edgy_codebook[code], EDGY_UNITS, &score);
        score += edgy_codebook_offset[code];
        if (score > highest) {
            highest = score;
            best = (uint16_t)code;
        }
    }
    return best;
}
