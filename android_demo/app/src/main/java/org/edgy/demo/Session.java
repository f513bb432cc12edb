package org.edgy.demo;

import org.edgy.android.EdgyEncoder;
import org.edgy.android.EdgyStream;
import org.edgy.android.Level;

/** One utterance from microphone to stream; where there is no stream, it is encoded all the same and nothing leaves. */
final class Session {
    private final EdgyEncoder encoder;
    private final EdgyStream stream;
    private final String id;
    private long samples;
    private long codes;

    /**
     * Begin.
     *
     * @param stream to a cloud, or null.
     * @param voice of the user, at level {@code identity}; null at every other.
     * @param speech whether to ask for speech; level {@code text} gives none.
     */
    Session(EdgyEncoder encoder, EdgyStream stream, Level level, float[] voice, boolean speech) {
        this.encoder = encoder;
        this.stream = stream;
        encoder.reset();
        boolean speaks = speech && !level.kind.equals(Level.TEXT.kind);
        id = stream == null ? "" : stream.begin(encoder.getInfo(), level, voice, speaks);
    }

    /** Of the stream; empty where there is none. */
    String id() {
        return id;
    }

    /** Encode the first {@code count} samples. */
    void write(short[] pcm, int count) {
        samples += count;
        pass(encoder.process(pcm, count));
    }

    /** End with the last codes. */
    void end() {
        pass(encoder.flush());
        if (stream != null) {
            stream.end(samples);
        }
    }

    /** Codes so far. */
    long codes() {
        return codes;
    }

    private void pass(int[] more) {
        codes += more.length;
        if (stream != null) {
            stream.write(more);
        }
    }
}
