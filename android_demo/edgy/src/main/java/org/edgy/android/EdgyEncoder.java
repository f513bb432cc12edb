package org.edgy.android;

import android.content.Context;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;

/**
 * Turns a stream of audio into codes.
 *
 * <p>The model always runs over windows of one fixed length at multiples of one fixed distance, whatever chunks the
 * audio comes in, so the codes cannot depend on the chunks. Between runs it remembers what its convolutions need; a
 * stream begins with so much silence that nothing is left of the one before. Not for several threads at a time.
 *
 * <pre>
 * EdgyEncoder encoder = EdgyEncoder.create(context, "pi");
 * int[] codes = encoder.process(pcm);     // chunks of any size, the same codes
 * int[] last = encoder.flush();
 * </pre>
 */
public final class EdgyEncoder implements Closeable {
    private final ModelInfo info;
    private final Inference inference;
    private final SampleRing ring;
    private final float[] window;
    private final int[] codes;
    private long samples;
    private long given;
    private int silence;

    /** An encoder that another interpreter than the library's own runs. */
    public EdgyEncoder(ModelInfo info, Inference inference) {
        this.info = info;
        this.inference = inference;
        ring = new SampleRing(info.window, info.levelledFrame == 0 ? null : new Leveller(info.levelledFrame));
        window = new float[info.window];
        codes = new int[info.block];
        reset();
    }

    /**
     * Load the int8 encoder of a release that lies in the assets as {@code edgy/RELEASE/encoder-int8.tflite}.
     *
     * @throws EdgyException.Model no such release, or it does not run here.
     */
    public static EdgyEncoder create(Context context, String release) throws EdgyException.Model {
        byte[] model = model(context, release);
        ModelInfo info = ModelInfo.read(model);
        return new EdgyEncoder(info, new TfliteInference(model, info));
    }

    /** The bytes of a release's encoder. */
    static byte[] model(Context context, String release) throws EdgyException.Model {
        try (InputStream asset = context.getAssets().open("edgy/" + release + "/encoder-int8.tflite")) {
            return Streams.readAll(asset);
        } catch (IOException error) {
            throw new EdgyException.Model("no " + release + " in the assets; put it into edgy/" + release, error);
        }
    }

    /** The model's own description. */
    public ModelInfo getInfo() {
        return info;
    }

    /** Samples a second that {@link #process} expects, Hz. */
    public int getSampleRate() {
        return info.sampleRate;
    }

    /** Samples between two runs of the model; chunks of this length come back at the steadiest pace. */
    public int getFrameLength() {
        return info.advance();
    }

    /** Forget the stream and start another. */
    public void reset() {
        ring.clear();
        silence = info.silence();
        samples = 0;
        given = -(long) info.warmUp * info.block;
    }

    /** Take samples {@code [n]}, any n, and return the codes that they complete. */
    public int[] process(short[] pcm) {
        return process(pcm, pcm.length);
    }

    /** Take the first {@code count} samples of {@code pcm}, as {@link #process(short[])}. */
    public int[] process(short[] pcm, int count) {
        if (count < 0 || count > pcm.length) {
            throw new IllegalArgumentException("there are " + pcm.length + " samples, not " + count);
        }
        samples += count;
        int[] found = new int[runs(count) * info.block];
        int at = 0;
        for (int taken = 0; taken < count; ) {
            if (silence > 0) {
                silence -= ring.appendSilence(silence);
            } else {
                taken += ring.append(pcm, taken, count);
            }
            at = run(found, at);
        }
        return ready(found);
    }

    /** End the stream: return its last codes, so that there are {@code ceil(samples / samplesPerCode)}; reset. */
    public int[] flush() {
        long total = -Math.floorDiv(-samples, (long) info.samplesPerCode);
        int missing = (int) (total - Math.max(0, given));
        int runs = missing == 0 ? 0 : (int) -Math.floorDiv(given - total, (long) info.block);
        int[] found = new int[runs * info.block];
        for (int at = 0; at < found.length; ) {
            ring.appendSilence(info.window);
            at = run(found, at);
        }
        int[] last = Arrays.copyOf(ready(found), missing);
        reset();
        return last;
    }

    @Override
    public void close() {
        inference.close();
    }

    /** Those of all the codes that were found which mean something. */
    private int[] ready(int[] found) {
        int unready = (int) Math.min(found.length, Math.max(0, -given));
        given += found.length;
        return unready == 0 ? found : Arrays.copyOfRange(found, unready, found.length);
    }

    /** How often the model will run once {@code count} more samples are there. */
    private int runs(int count) {
        return Math.max(0, Math.floorDiv(ring.size() + silence + count - info.window, info.advance()) + 1);
    }

    private int run(int[] found, int at) {
        if (!ring.isFull()) {
            return at;
        }
        ring.copyTo(window);
        ring.drop(info.advance());
        inference.run(window, codes);
        System.arraycopy(codes, 0, found, at, codes.length);
        return at + codes.length;
    }
}
