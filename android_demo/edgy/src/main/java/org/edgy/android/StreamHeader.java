package org.edgy.android;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Locale;
import java.util.zip.CRC32;

/** The header of an {@code .edgy} stream: whose codes they are, how fast they come. By bytes: docs/wire-format.md. */
final class StreamHeader {
    static final int SIZE = 27;
    private static final int MAGIC = 0x59474445; // "EDGY", little-endian
    private static final int VERSION = 1;

    final String codebookId;
    final int codebookSize;
    final int sampleRate;
    final int samplesPerCode;

    /** @throws IllegalArgumentException a field is out of its range. */
    StreamHeader(String codebookId, int codebookSize, int sampleRate, int samplesPerCode) {
        if (!codebookId.matches("[0-9a-f]{16}")) {
            throw new IllegalArgumentException("a codebook id is 16 lower-case hexadecimal digits, not " + codebookId);
        }
        boolean codebook = codebookSize >= 2 && codebookSize <= 1 << 16;
        if (!codebook || sampleRate < 1 || samplesPerCode < 1 || samplesPerCode >= 1 << 16) {
            throw new IllegalArgumentException("no such stream: " + codebookSize + " codes, " + sampleRate + " Hz, "
                    + samplesPerCode + " samples a code");
        }
        this.codebookId = codebookId;
        this.codebookSize = codebookSize;
        this.sampleRate = sampleRate;
        this.samplesPerCode = samplesPerCode;
    }

    /** Bits of one packed code, 1 to 16. */
    int bits() {
        return 32 - Integer.numberOfLeadingZeros(codebookSize - 1);
    }

    byte[] toBytes() {
        ByteBuffer bytes = ByteBuffer.allocate(SIZE).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putInt(MAGIC).put((byte) VERSION).put((byte) 0);
        for (int i = 0; i < codebookId.length(); i += 2) {
            bytes.put((byte) Integer.parseInt(codebookId.substring(i, i + 2), 16));
        }
        bytes.putInt(sampleRate).putShort((short) samplesPerCode);
        bytes.put((byte) bits()).putShort((short) (codebookSize - 1));
        return bytes.putInt(crc(bytes.array(), 0, SIZE - 4)).array();
    }

    /**
     * Read the first 27 bytes of a stream that this library wrote.
     *
     * @throws EdgyException.Wire they are damaged, or of another version.
     */
    static StreamHeader fromBytes(byte[] data) throws EdgyException.Wire {
        if (data.length < SIZE) {
            throw new EdgyException.Wire("the stream ends within its header");
        }
        ByteBuffer bytes = ByteBuffer.wrap(data).order(ByteOrder.LITTLE_ENDIAN);
        StringBuilder id = new StringBuilder();
        for (int i = 6; i < 14; i++) {
            id.append(String.format(Locale.ROOT, "%02x", data[i] & 0xff));
        }
        try {
            StreamHeader header = new StreamHeader(
                    id.toString(), 1 + (bytes.getShort(21) & 0xffff), bytes.getInt(14), bytes.getShort(18) & 0xffff);
            if (Arrays.equals(header.toBytes(), Arrays.copyOf(data, SIZE))) {
                return header;
            }
        } catch (IllegalArgumentException error) {
            // Told below.
        }
        throw new EdgyException.Wire("the header is damaged, or not of version " + VERSION);
    }

    static int crc(byte[] data, int offset, int count) {
        CRC32 crc = new CRC32();
        crc.update(data, offset, count);
        return (int) crc.getValue();
    }
}
