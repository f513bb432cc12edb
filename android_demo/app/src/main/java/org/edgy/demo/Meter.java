package org.edgy.demo;

/** How loud sound is. */
final class Meter {
    /** Quieter than this is shown as silence. */
    static final double FLOOR_DB = -60;

    private Meter() {}

    /** Level of the first {@code count} samples in dB of full scale, {@link #FLOOR_DB} to 0. */
    static double decibels(short[] pcm, int count) {
        double power = 0;
        for (int i = 0; i < count; i++) {
            power += (double) pcm[i] * pcm[i];
        }
        return Math.max(FLOOR_DB, 10 * Math.log10(power / Math.max(1, count) / (32768.0 * 32768.0)));
    }

    /** The same as a share of the scale: 0 at {@link #FLOOR_DB}, 100 at full scale. */
    static int percent(double decibels) {
        return (int) Math.round(100 * (1 - decibels / FLOOR_DB));
    }
}
