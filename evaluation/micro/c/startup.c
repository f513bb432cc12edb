/* SPDX-License-Identifier: Apache-2.0
 *
 * Reset of an emulated Cortex-M: memory as C wants it, floating point and vectors on, then main.
 */
#include <stdint.h>
#include <string.h>

#include "host.h"

extern uint32_t data_start, data_end, data_load, bss_start, bss_end, stack_top;

int main(void);

static void fault(void) {
    host_exit(2);
}

void reset(void) {
    /* Full access to coprocessors 10 and 11: CPACR. */
    *(volatile uint32_t *)0xE000ED88 |= 0xF << 20;
    __asm volatile("dsb\n isb");
    memcpy(&data_start, &data_load, (uintptr_t)&data_end - (uintptr_t)&data_start);
    memset(&bss_start, 0, (uintptr_t)&bss_end - (uintptr_t)&bss_start);
    host_exit(main());
}

__attribute__((section(".vectors"), used)) static void (*const vectors[])(void) = {
    (void (*)(void))(uintptr_t)&stack_top, reset, fault, fault, fault, fault, fault,
};
