package org.edgy.android;

import java.util.Random;

/** Milliseconds to wait after each failure: doubling up to a minute, each by up to a half shorter, to spread phones. */
final class Backoff {
    private static final long LONGEST = 60_000;
    private final Random random;
    private long delay;

    Backoff(long first, Random random) {
        delay = first;
        this.random = random;
    }

    long next() {
        long now = delay;
        delay = Math.min(2 * delay, LONGEST);
        return (long) (now * (0.5 + 0.5 * random.nextDouble()));
    }
}
