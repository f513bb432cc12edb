package org.edgy.android;

/** The last samples of a stream, as many as one run of the model takes; none is moved when it advances. */
final class SampleRing {
    private final float[] samples;
    private final Leveller leveller;
    private int start;
    private int size;

    SampleRing(int capacity) {
        this(capacity, null);
    }

    /** @param leveller that samples go through, but not silence; null for none. */
    SampleRing(int capacity, Leveller leveller) {
        samples = new float[capacity];
        this.leveller = leveller;
    }

    int size() {
        return size;
    }

    boolean isFull() {
        return size == samples.length;
    }

    void clear() {
        start = 0;
        size = 0;
        if (leveller != null) {
            leveller.reset();
        }
    }

    /**
     * Append int16 samples, scaled to [-1, 1), until the ring is full.
     *
     * @return how many of {@code pcm[from]} to {@code pcm[to - 1]} were taken.
     */
    int append(short[] pcm, int from, int to) {
        int count = Math.min(to - from, samples.length - size);
        int at = (start + size) % samples.length;
        for (int i = 0; i < count; i++) {
            float sample = pcm[from + i] / 32768f;
            samples[at] = leveller == null ? sample : leveller.next(sample);
            at = at + 1 == samples.length ? 0 : at + 1;
        }
        size += count;
        return count;
    }

    /** Append up to {@code count} samples of silence, and return how many found room. */
    int appendSilence(int count) {
        count = Math.min(count, samples.length - size);
        for (int i = 0; i < count; i++) {
            samples[(start + size + i) % samples.length] = 0;
        }
        size += count;
        return count;
    }

    /** Copy all samples, oldest first; the ring must be full. */
    void copyTo(float[] window) {
        System.arraycopy(samples, start, window, 0, samples.length - start);
        System.arraycopy(samples, 0, window, samples.length - start, start);
    }

    /** Forget the oldest {@code count} samples. */
    void drop(int count) {
        start = (start + count) % samples.length;
        size -= count;
    }
}
