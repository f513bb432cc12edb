/* SPDX-License-Identifier: Apache-2.0
 *
 * What runs the network: edgy_network_tflm.cpp by TensorFlow Lite Micro, or another file with these three functions.
 */
#ifndef EDGY_NETWORK_H
#define EDGY_NETWORK_H

#include <stdint.h>

#include "edgy_config.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Begins a stream: forgets the states of the last one. 0, or -1 if the network cannot run here. */
int edgy_network_begin(void);

/* One step: EDGY_FRAMES * EDGY_MELS levels in, EDGY_UNITS integers out, which edgy_code takes. NULL if it failed. */
const int8_t *edgy_network_step(const int8_t *levels);

#ifdef __cplusplus
}
#endif
#endif
