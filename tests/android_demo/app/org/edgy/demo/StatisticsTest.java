package org.edgy.demo;

import static org.junit.Assert.assertEquals;

import org.junit.Test;

public class StatisticsTest {
    @Test
    public void theyAreNumPys() {
        // numpy: t = [4, 1, 3, 2, 10] ms: min, mean, percentile(t, 95), std
        Statistics found = new Statistics(new long[] {4_000_000, 1_000_000, 3_000_000, 2_000_000, 10_000_000});
        assertEquals(1, found.min, 1e-9);
        assertEquals(4, found.mean, 1e-9);
        assertEquals(8.8, found.p95, 1e-9);
        assertEquals(Math.sqrt(10), found.deviation, 1e-9);
    }

    @Test
    public void oneIsEnough() {
        Statistics found = new Statistics(new long[] {5_000_000});
        assertEquals(5, found.p95, 0);
        assertEquals(0, found.deviation, 0);
    }
}
