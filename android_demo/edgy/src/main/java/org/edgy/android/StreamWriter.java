package org.edgy.android;

/** Writes a stream as codes come, the same bytes as {@code edgy_tf.wire.StreamWriter}, without entropy coding. */
final class StreamWriter {
    /** Codes of a packet: one second, which is the delay. */
    static final int CODES_PER_PACKET = 50;

    /** Takes the header, then packets one by one. */
    interface Sink {
        void take(byte[] data);
    }

    private final Sink sink;
    private final StreamHeader header;
    private final int[] pending;
    private int waiting;
    private long codes;
    private int sequence;
    private boolean hasSpeaker;
    private boolean closed;

    /** Write the header. A packet leaves when it holds {@code codesPerPacket} codes, 1 to 255. */
    StreamWriter(Sink sink, StreamHeader header, int codesPerPacket) {
        if (codesPerPacket < 1 || codesPerPacket > Packets.MAX_CODES) {
            throw new IllegalArgumentException("a packet holds 1 to 255 codes, not " + codesPerPacket);
        }
        this.sink = sink;
        this.header = header;
        pending = new int[codesPerPacket];
        sink.take(header.toBytes());
    }

    /**
     * Say which voice to decode with: 1 to 4096 finite numbers.
     *
     * @throws IllegalArgumentException another number of them, or one that is not finite.
     * @throws IllegalStateException the writer is closed, or has written a voice.
     */
    void writeSpeaker(float[] voice) {
        check(!hasSpeaker, "a stream has one voice");
        checkVoice(voice);
        hasSpeaker = true;
        sink.take(Packets.speaker(sequence++, voice));
    }

    /** @throws IllegalArgumentException not 1 to 4096 finite numbers. */
    static void checkVoice(float[] voice) {
        boolean finite = voice.length >= 1 && voice.length <= Packets.MAX_SPEAKER;
        for (float number : voice) {
            finite &= !Float.isNaN(number) && !Float.isInfinite(number);
        }
        if (!finite) {
            throw new IllegalArgumentException("a voice is 1 to " + Packets.MAX_SPEAKER + " finite numbers");
        }
    }

    /**
     * Append codes {@code [n]}, any n.
     *
     * @throws IllegalArgumentException a code that is not the codebook's; none of the codes is written then.
     * @throws IllegalStateException the writer is closed.
     */
    void write(int[] more) {
        check(true, "");
        for (int code : more) {
            if (code < 0 || code >= header.codebookSize) {
                throw new IllegalArgumentException("code " + code + " in a codebook of " + header.codebookSize);
            }
        }
        for (int code : more) {
            pending[waiting++] = code;
            codes++;
            if (waiting == pending.length) {
                writePending();
            }
        }
    }

    /**
     * End the stream.
     *
     * @param samples of the audio; at most those that the codes stand for.
     */
    void close(long samples) {
        boolean possible = samples >= 0 && samples <= codes * header.samplesPerCode;
        check(possible, codes + " codes do not stand for " + samples + " samples");
        if (waiting > 0) {
            writePending();
        }
        closed = true;
        sink.take(Packets.end(sequence++, codes, samples));
    }

    private void writePending() {
        byte[] packet = Packets.codes(sequence++, pending, 0, waiting, header.bits());
        waiting = 0;
        sink.take(packet);
    }

    private void check(boolean fine, String message) {
        if (closed || !fine) {
            throw new IllegalStateException(closed ? "the stream is closed" : message);
        }
    }
}
