package org.edgy.demo;

import java.util.Arrays;

/** Milliseconds of one stage, as Lyra's demo gives them: min, mean, p95, standard deviation. */
final class Statistics {
    final double min;
    final double mean;
    final double p95;
    final double deviation;

    /** Of so many nanoseconds each, at least one. */
    Statistics(long[] nanoseconds) {
        long[] sorted = nanoseconds.clone();
        Arrays.sort(sorted);
        double sum = 0;
        for (long time : sorted) {
            sum += time;
        }
        double average = sum / sorted.length;
        double squares = 0;
        for (long time : sorted) {
            squares += (time - average) * (time - average);
        }
        min = sorted[0] / 1e6;
        mean = average / 1e6;
        // Between the two nearest ranks, as NumPy's percentile.
        double rank = 0.95 * (sorted.length - 1);
        int below = (int) rank;
        int above = Math.min(below + 1, sorted.length - 1);
        p95 = (sorted[below] + (rank - below) * (sorted[above] - sorted[below])) / 1e6;
        deviation = Math.sqrt(squares / sorted.length) / 1e6;
    }
}
