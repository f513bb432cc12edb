"""A Raspberry Pi without the Pi: Debian for ARM and the project's own wheel under qemu-user, to test and to measure.

- ``devices``: which Pi, with which interpreters.
- ``build``: Debian, wheels and a plain ``/proc`` and ``/sys`` in a folder.
- ``run``: commands in it; ``microphone``: one that hears a recording.
- ``instructions`` counts what ``guest`` does, by the TCG plugin ``count.c``; ``figures`` makes a page of it and holds
  the budget.

Emulated time says nothing of a Pi's; how many instructions run, and what codes come out, does.
"""
