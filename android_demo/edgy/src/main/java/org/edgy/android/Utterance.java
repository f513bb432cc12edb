package org.edgy.android;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;

/** One stream on its way out, whole or still growing: one thread listens and appends, another sends. */
final class Utterance {
    final Level level;
    /** Id of the stream, 32 hexadecimal digits. */
    final String stream;
    /** Whether the cloud is asked for speech beside text. */
    final boolean speech;

    private byte[] header;
    private final List<byte[]> packets = new ArrayList<>();
    private boolean ended;
    private boolean dropped;
    private Runnable bell;

    Utterance(Level level, boolean speech) {
        this(level, UUID.randomUUID().toString().replace("-", ""), speech);
    }

    private Utterance(Level level, String stream, boolean speech) {
        this.level = level;
        this.stream = stream;
        this.speech = speech;
    }

    /**
     * An utterance that a stopped process left behind. Where END is missing, it ends after its last whole packet.
     *
     * @throws EdgyException.Wire the bytes are damaged, or hold no codes.
     */
    static Utterance fromBytes(byte[] data, Level level, String stream) throws EdgyException.Wire {
        StreamHeader header = StreamHeader.fromBytes(data);
        Utterance utterance = new Utterance(level, stream, false);
        utterance.append(Arrays.copyOf(data, StreamHeader.SIZE));
        ByteBuffer bytes = ByteBuffer.wrap(data).order(ByteOrder.LITTLE_ENDIAN);
        long codes = 0;
        int sequence = 0;
        int at = StreamHeader.SIZE;
        while (!utterance.ended && data.length - at >= Packets.HEAD) {
            int size = Packets.OVERHEAD + (bytes.getShort(at + 5) & 0xffff);
            if (data.length - at < size) {
                break;
            }
            boolean whole = bytes.getInt(at + size - 4) == StreamHeader.crc(data, at, size - 4);
            if (!whole || bytes.getInt(at + 1) != sequence++) {
                throw new EdgyException.Wire("the packet at " + at + " is damaged, or not the next one");
            }
            codes += data[at] == Packets.CODES ? data[at + Packets.HEAD] & 0xff : 0;
            utterance.append(Arrays.copyOfRange(data, at, at + size));
            at += size;
        }
        if (utterance.ended && at < data.length) {
            throw new EdgyException.Wire("bytes after the END packet");
        }
        if (codes == 0) {
            throw new EdgyException.Wire("the stream holds no codes");
        }
        if (!utterance.ended) {
            utterance.append(Packets.end(sequence, codes, codes * header.samplesPerCode));
        }
        return utterance;
    }

    /** Take the header, then packets, as {@link StreamWriter} hands them out. */
    synchronized void append(byte[] data) {
        if (header == null) {
            header = data;
        } else {
            packets.add(data);
            ended = data[0] == Packets.END;
        }
        ring();
    }

    /** Tell who follows that the utterance is not wanted any more. */
    synchronized void drop() {
        dropped = true;
        ring();
    }

    /** Run {@code bell} whenever the utterance has changed, from any thread; null for nobody. */
    synchronized void listen(Runnable bell) {
        this.bell = bell;
    }

    /** The first 27 bytes, or null before they are there. */
    synchronized byte[] header() {
        return header;
    }

    /** The packet of that sequence number, or null before it is there. */
    synchronized byte[] packet(int number) {
        return number < packets.size() ? packets.get(number) : null;
    }

    /** How many packets there are so far. */
    synchronized int size() {
        return packets.size();
    }

    synchronized boolean isEnded() {
        return ended;
    }

    synchronized boolean isDropped() {
        return dropped;
    }

    private void ring() {
        if (bell != null) {
            bell.run();
        }
    }
}
