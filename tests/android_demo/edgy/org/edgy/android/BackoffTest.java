package org.edgy.android;

import static org.junit.Assert.assertTrue;

import java.util.Random;
import org.junit.Test;

public class BackoffTest {
    @Test
    public void itDoublesUpToAMinuteAndSpreads() {
        for (int seed = 0; seed < 50; seed++) {
            Backoff backoff = new Backoff(1000, new Random(seed));
            long longest = 1000;
            for (int i = 0; i < 20; i++) {
                long delay = backoff.next();
                assertTrue(delay + " of " + longest, delay >= longest / 2 && delay <= longest);
                longest = Math.min(2 * longest, 60_000);
            }
        }
    }
}
