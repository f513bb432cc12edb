package org.edgy.android;

import java.io.Closeable;
import java.io.File;
import java.util.Random;

/**
 * Streams of codes to a cloud: in order, one at a time, again and again until each is through, while the app goes on.
 *
 * <pre>
 * EdgyStream stream = new EdgyStream(folder, "wss://cloud.example", token, ledger, listener);
 * stream.begin(encoder.getInfo(), level, null, false);
 * stream.write(encoder.process(pcm));     // as often as there is sound
 * stream.write(encoder.flush());
 * stream.end(samples);
 * </pre>
 *
 * <p>{@code begin}, {@code write} and {@code end} belong to one thread; none of them waits for the network.
 */
public final class EdgyStream implements Closeable {
    private static final long LIMIT = 4 << 20; // 17 hours of speech at 552 bit/s
    private static final long REPLY_MS = 60_000;
    private static final long FIRST_DELAY_MS = 1000;

    /** Is told what becomes of streams, on a thread of its own. */
    public interface Listener {
        /** What the cloud has understood so far, all of it; and whether that is final. */
        void onText(String stream, String text, boolean isFinal);

        /** The next samples of the speech that was asked for: 16 kHz, mono. */
        void onSpeech(String stream, short[] pcm);

        /** The cloud has all of the stream. */
        void onDelivered(String stream, String text);

        /** The cloud will never take the stream, which is forgotten. */
        void onRejected(String stream, String reason);

        /** The cloud is away, or the ledger cannot be written; streams wait and are sent again. */
        void onTrouble(String reason);
    }

    private final Spool spool;
    private final StreamUplink uplink;
    private final Listener listener;
    private final long firstDelayMs;
    private final Thread delivery;
    private StreamWriter writer;

    /**
     * Begin to send what the spool holds and will hold.
     *
     * @param folder of the spool, for this object alone; made where it is missing. At most 4 MiB.
     * @param url of the cloud, {@code ws://HOST:PORT} or {@code wss://HOST}.
     * @param token bearer token, or empty.
     * @param ledger records what leaves.
     * @throws EdgyException.Storage the folder cannot be used, or is in use.
     * @throws IllegalArgumentException no such address.
     */
    public EdgyStream(File folder, String url, String token, Ledger ledger, Listener listener)
            throws EdgyException.Storage {
        this(folder, url, token, ledger, listener, REPLY_MS, FIRST_DELAY_MS);
    }

    EdgyStream(File folder, String url, String token, Ledger ledger, Listener listener, long replyMs, long firstDelayMs)
            throws EdgyException.Storage {
        uplink = new StreamUplink(url, token, ledger, listener, replyMs);
        spool = new Spool(folder, LIMIT);
        this.listener = listener;
        this.firstDelayMs = firstDelayMs;
        delivery = new Thread("edgy-delivery") {
            @Override
            public void run() {
                try {
                    while (true) {
                        deliver(spool.head());
                    }
                } catch (InterruptedException error) {
                    // Closed.
                }
            }
        };
        delivery.setDaemon(true);
        delivery.start();
    }

    /**
     * Start an utterance.
     *
     * @param info of the encoder.
     * @param level what the cloud may do with it.
     * @param voice speaker embedding that level {@code identity} sends, which identifies the person; null at others.
     * @param speech whether to ask for speech beside text.
     * @return id of the stream, 32 hexadecimal digits.
     * @throws IllegalArgumentException the level and what is asked for do not go together, or the voice is not 1 to
     *     4096 finite numbers.
     * @throws IllegalStateException the utterance before has not ended.
     */
    public String begin(ModelInfo info, Level level, float[] voice, boolean speech) {
        if (writer != null) {
            throw new IllegalStateException("end the utterance before");
        }
        if (level.kind.equals("identity") != (voice != null)) {
            throw new IllegalArgumentException("a voice is sent at level identity, and at no other");
        }
        if (voice != null) {
            StreamWriter.checkVoice(voice);
        }
        if (speech && level.kind.equals(Level.TEXT.kind)) {
            throw new IllegalArgumentException("level text gives no speech");
        }
        final Utterance utterance = spool.begin(level, speech);
        writer = new StreamWriter(new StreamWriter.Sink() {
            @Override
            public void take(byte[] data) {
                spool.append(utterance, data);
            }
        }, info.header(), StreamWriter.CODES_PER_PACKET);
        if (voice != null) {
            writer.writeSpeaker(voice);
        }
        return utterance.stream;
    }

    /** Append codes {@code [n]}, any n. */
    public void write(int[] codes) {
        writer.write(codes);
    }

    /** End the utterance, which was so many samples long. */
    public void end(long samples) {
        writer.close(samples);
        writer = null;
    }

    /** Streams that wait, the one that is being spoken included. */
    public int getWaiting() {
        return spool.size();
    }

    /** Streams that were given up because the spool was full, or because their files were damaged. */
    public int getDropped() {
        return spool.dropped();
    }

    /** Stop sending; what waits is sent by the next object with this folder. */
    @Override
    public void close() {
        delivery.interrupt();
        uplink.close();
        spool.close();
    }

    private void deliver(Utterance head) throws InterruptedException {
        Backoff backoff = new Backoff(firstDelayMs, new Random());
        while (spool.holds(head)) {
            try {
                String text = uplink.deliver(head);
                spool.done(head);
                listener.onDelivered(head.stream, text);
            } catch (EdgyException.Rejected error) {
                spool.done(head);
                listener.onRejected(head.stream, error.getMessage());
            } catch (EdgyException error) {
                listener.onTrouble(error.getMessage());
                spool.pause(backoff.next());
            }
        }
    }
}
