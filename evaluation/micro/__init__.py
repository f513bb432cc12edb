"""A microcontroller without the board: the exported library built for Cortex-M, under qemu-system-arm.

- ``boards``: which processors; ``tools``: Arm's kernels and compilers.
- ``network`` writes the network on CMSIS-NN, ``firmware`` builds it with the library's own C and runs it.
- ``reference`` is what the codes must be; ``bits`` compares them.
- ``figures`` counts instructions and memory, asks Vela, makes a page of it and holds the budget.

Emulated time says nothing of a board's; how many instructions run, and what codes come out, does.
"""
