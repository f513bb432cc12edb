package org.edgy.demo;

import java.util.Random;
import org.edgy.android.EdgyEncoder;
import org.edgy.android.EdgyException;

/**
 * How long loading an encoder and encoding a frame take on this phone: on noise, for the time does not depend on what
 * is said.
 */
final class Benchmark {
    private static final int LOADS = 5;
    private static final int WARM_UP_S = 1;

    /** Opens the encoder to be measured. */
    interface Loader {
        EdgyEncoder load() throws EdgyException;
    }

    /** Of opening the encoder. */
    final Statistics load;
    /** Of each frame, from its last sample to its codes. */
    final Statistics encode;
    /** Sound in a frame, milliseconds. */
    final double frameMs;
    /** Mean time over sound, 1 is just fast enough. */
    final double realTimeFactor;

    private Benchmark(Statistics load, Statistics encode, double frameMs) {
        this.load = load;
        this.encode = encode;
        this.frameMs = frameMs;
        realTimeFactor = encode.mean / frameMs;
    }

    /**
     * Measure frame by frame, as a microphone would bring them.
     *
     * @param seconds of sound that are measured, after one that is not.
     * @throws EdgyException the encoder cannot be loaded.
     */
    static Benchmark run(Loader loader, int seconds) throws EdgyException {
        long[] loads = new long[LOADS];
        EdgyEncoder encoder = null;
        for (int i = 0; i < loads.length; i++) {
            if (encoder != null) {
                encoder.close();
            }
            long started = System.nanoTime();
            encoder = loader.load();
            loads[i] = System.nanoTime() - started;
        }
        try {
            return new Benchmark(new Statistics(loads), new Statistics(encode(encoder, seconds)),
                    1000.0 * encoder.getFrameLength() / encoder.getSampleRate());
        } finally {
            encoder.close();
        }
    }

    private static long[] encode(EdgyEncoder encoder, int seconds) {
        int frame = encoder.getFrameLength();
        int warmUp = -Math.floorDiv(-WARM_UP_S * encoder.getSampleRate(), frame);
        long[] times = new long[-Math.floorDiv(-seconds * encoder.getSampleRate(), frame)];
        // Before the first frame lies the look-ahead, so that each frame runs the model once.
        encoder.process(new short[encoder.getInfo().window - encoder.getInfo().before - frame]);
        Random random = new Random(0);
        short[] noise = new short[frame];
        for (int i = -warmUp; i < times.length; i++) {
            for (int j = 0; j < frame; j++) {
                noise[j] = (short) (random.nextInt(6000) - 3000);
            }
            long started = System.nanoTime();
            encoder.process(noise);
            if (i >= 0) {
                times[i] = System.nanoTime() - started;
            }
        }
        return times;
    }
}
