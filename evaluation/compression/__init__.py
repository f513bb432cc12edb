"""Every recipe on one release, side by side: codes, words, bytes, arithmetic and time."""
