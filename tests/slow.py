"""Test files that take more than some seconds, the longest first: they begin first, and ``make unit`` leaves them out.

Which they are is told by ``make test``, which prints the slowest tests.
"""

from pathlib import Path

FILES = (
    "evaluation/test_quick_audit.py",
    "evaluation/nncf/test_bridge.py",
    "edgy_tf/compress/test_pipeline.py",
    "edgy_tf/train/test_trainer.py",
    "android_demo/test_android_stream.py",
    "evaluation/test_userland.py",
    "edgy_tf/serve/test_serve_page.py",
    "test_edge_to_cloud.py",
    "evaluation/autotune/test_autotune_command.py",
    "edgy_tf/train/test_speaker.py",
    "evaluation/test_audit.py",
    "evaluation/compare/test_compare.py",
    "android_demo/test_android.py",
    "evaluation/compression/test_page.py",
    "evaluation/test_verifiers.py",
    "edgy_tf/serve/test_serve_command.py",
    "edgy_tf/demo/test_page.py",
    "edgy_tf/serve/test_serve_openapi.py",
    "edgy_tf/models/test_vqvae.py",
    "evaluation/autotune/test_autotune_cluster.py",
    "edgy_tf/compress/test_variant.py",
    "edgy_tf/compress/test_distil.py",
    "edgy_tf/compress/test_quantised.py",
    "pi_runtime/node/test_soak.py",
    "evaluation/test_verification.py",
    "evaluation/test_bench.py",
    "evaluation/test_cost.py",
    "test_packaging.py",
)
PLACES = {Path(__file__).parent / file: place for place, file in enumerate(FILES)}

assert not [path for path in PLACES if not path.exists()]
