"""The audit: what survives on the way through the codes, what leaks, and what it costs.

- ``audit`` runs a ``plan`` over a ``selection`` of a corpus; what is slow is kept in a ``cache``.
- ``systems``: releases, and what they are compared with.
- Words: ``utility``, ``text``.
- Identity: ``verifiers`` (and ``thin_resnet``) make embeddings, ``back_ends`` compare them, ``identity`` has trials
  and verdict, ``verification`` the scenarios.
- Gender and emotion: ``features``, ``deep`` and ``networks`` are what attackers look at, ``attackers`` learn from it
  over ``splits``, ``attributes`` puts them together, ``verdict`` says what it means.
- ``autotune`` searches for the recipe that suits a device; ``compression`` measures every recipe, ``compare`` takes
  them through NNCF (``nncf``) as well, and ``reproduce`` sets the paper's tables beside ours.
- ``cost``, ``metrics``, and ``verdicts`` for the ``report``.
- ``vpc`` exports for the VoicePrivacy Challenge's toolkit; ``bench_codec`` and ``bench_wire`` are ``make bench``.
"""
