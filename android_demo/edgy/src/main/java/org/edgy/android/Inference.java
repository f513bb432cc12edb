package org.edgy.android;

import java.io.Closeable;

/** What runs an encoder's signature {@code pcm_to_codes}; one for each encoder, for the model remembers its last run. */
public interface Inference extends Closeable {
    /**
     * Run the model once.
     *
     * @param window {@code [window]} samples in [-1, 1].
     * @param codes {@code [block]}, filled with what the model gives.
     */
    void run(float[] window, int[] codes);

    /** Free what the model holds. */
    @Override
    void close();
}
