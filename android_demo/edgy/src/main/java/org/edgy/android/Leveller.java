package org.edgy.android;

/**
 * Speech at one level as it comes, and silence in its pauses, as {@code edgy_tf.frontend.Leveller} of Python makes it:
 * what is done to a frame follows from those before it, so nothing waits.
 */
final class Leveller {
    /** Level that speech is brought to, and what it is taken for at first, in dBFS. */
    private static final double TARGET = -20;
    private static final double START = -30;
    /** Decibels a frame by which the estimate of speech rises at most, and falls while somebody speaks. */
    private static final double UP = 1;
    private static final double DOWN = 0.05;
    /** Least noise in dBFS, decibels a frame by which it is taken to rise, and decibels above it that are speech. */
    private static final double QUIET = -70;
    private static final double RISE = 0.03;
    private static final double CLEAR = 10;
    /** Decibels under the estimate from which a frame is silenced, and frames that are not, after one that was not. */
    private static final double BELOW = 40;
    private static final int HOLD = 10;
    /** Power of what is silent altogether. */
    private static final double LEAST = 1e-10;

    private final int hop;
    private double level;
    private double noise;
    private int left;
    private double last;
    private double step;
    private double power;
    private int filled;

    /** @param hop samples of a frame. */
    Leveller(int hop) {
        this.hop = hop;
        reset();
    }

    /** Forget the stream and start another. */
    void reset() {
        level = START;
        noise = 0;
        left = HOLD;
        last = gain();
        step = 0;
        power = 0;
        filled = 0;
    }

    /** The next sample of the stream, in [-1, 1], as it is passed on. */
    float next(float sample) {
        float gain = left > 0 ? (float) (last + step * filled / hop) : 0;
        power += (double) sample * sample;
        if (++filled == hop) {
            turn();
        }
        return Math.max(-1, Math.min(1, sample * gain));
    }

    private void turn() {
        double heard = Math.max(10 * Math.log10(power / hop + LEAST), QUIET);
        noise = Math.min(heard, noise + RISE);
        double above = heard - level;
        left = above > -BELOW ? HOLD : left - 1;
        if (above > 0) {
            level += Math.min(above, UP);
        } else if (heard > noise + CLEAR) {
            level -= DOWN;
        }
        last += step;
        step = gain() - last;
        power = 0;
        filled = 0;
    }

    private double gain() {
        return Math.pow(10, (TARGET - level) / 20);
    }
}
