package org.tensorflow.lite;

import java.nio.ByteBuffer;

/** What of org.tensorflow:tensorflow-lite's Interpreter the library calls: to compile against, never packaged. */
public final class Interpreter {
    public Interpreter(ByteBuffer model, Options options) {
        throw new UnsupportedOperationException("only to compile against");
    }

    public void run(Object input, Object output) {
        throw new UnsupportedOperationException("only to compile against");
    }

    public void close() {}

    public static class Options {
        public Options setNumThreads(int threads) {
            return this;
        }

        public Options setUseXNNPACK(boolean use) {
            return this;
        }
    }
}
