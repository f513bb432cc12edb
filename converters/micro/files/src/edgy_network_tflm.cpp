/* SPDX-License-Identifier: Apache-2.0
 *
 * The network by TensorFlow Lite Micro.
 */
#include <cstring>

#include "edgy_encoder_model_data.h"
#include "edgy_network.h"
#include "edgy_operators.h"
#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tensorflow/lite/schema/schema_generated.h"

namespace {
alignas(16) uint8_t arena[EDGY_ARENA_BYTES];
// What the outputs after the first gave, for the inputs after the first. Not copied from one to the other: the
// interpreter may let them share memory.
int8_t states[EDGY_STATE_BYTES];
tflite::MicroInterpreter* interpreter;
}  // namespace

extern "C" int edgy_network_begin(void) {
  static tflite::MicroMutableOpResolver<EDGY_OPERATORS> resolver;
  if (!interpreter) {
    if (edgy_add_operators(resolver) != kTfLiteOk) return -1;
    static tflite::MicroInterpreter made(tflite::GetModel(g_edgy_encoder_model_data), resolver, arena, sizeof arena);
    if (made.AllocateTensors() != kTfLiteOk) return -1;
    interpreter = &made;
  }
  std::memset(states, 0, sizeof states);
  return 0;
}

extern "C" const int8_t* edgy_network_step(const int8_t* levels) {
  std::memcpy(interpreter->input(0)->data.int8, levels, interpreter->input(0)->bytes);
  int8_t* state = states;
  for (size_t i = 1; i < interpreter->inputs_size(); state += interpreter->input(i++)->bytes) {
    std::memcpy(interpreter->input(i)->data.int8, state, interpreter->input(i)->bytes);
  }
  if (interpreter->Invoke() != kTfLiteOk) return nullptr;
  state = states;
  for (size_t i = 1; i < interpreter->outputs_size(); state += interpreter->output(i++)->bytes) {
    std::memcpy(state, interpreter->output(i)->data.int8, interpreter->output(i)->bytes);
  }
  return interpreter->output(0)->data.int8;
}
