package org.edgy.android;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** The packets of an {@code .edgy} stream, to bytes. Byte by byte: docs/wire-format.md. */
final class Packets {
    static final int CODES = 0x01;
    static final int CODES_ENTROPY = 0x02;
    static final int END = 0x03;
    static final int SPEAKER = 0x81;
    static final int HEAD = 7;
    static final int OVERHEAD = HEAD + 4;
    static final int MAX_CODES = 255;
    static final int MAX_SPEAKER = 4096;

    private Packets() {}

    /** A packet of {@code codes[from]} to {@code codes[from + count - 1]}, each packed into {@code bits} bits. */
    static byte[] codes(int sequence, int[] codes, int from, int count, int bits) {
        byte[] body = new byte[1 + (count * bits + 7) / 8];
        body[0] = (byte) count;
        int at = 8;
        for (int i = from; i < from + count; i++) {
            for (int bit = bits - 1; bit >= 0; bit--, at++) {
                body[at >> 3] |= (codes[i] >> bit & 1) << (7 - (at & 7));
            }
        }
        return frame(CODES, sequence, body);
    }

    /** A packet of a voice; its numbers take two bytes each if float16 holds them all exactly, else four. */
    static byte[] speaker(int sequence, float[] voice) {
        boolean halves = true;
        for (float number : voice) {
            halves &= half(number) >= 0;
        }
        ByteBuffer body = ByteBuffer.allocate(1 + voice.length * (halves ? 2 : 4)).order(ByteOrder.LITTLE_ENDIAN);
        body.put((byte) (halves ? 2 : 4));
        for (float number : voice) {
            if (halves) {
                body.putShort((short) half(number));
            } else {
                body.putFloat(number);
            }
        }
        return frame(SPEAKER, sequence, body.array());
    }

    /** The last packet: how many codes the stream held, and how many audio samples they stand for. */
    static byte[] end(int sequence, long codes, long samples) {
        ByteBuffer body = ByteBuffer.allocate(16).order(ByteOrder.LITTLE_ENDIAN);
        return frame(END, sequence, body.putLong(codes).putLong(samples).array());
    }

    private static byte[] frame(int kind, int sequence, byte[] body) {
        ByteBuffer packet = ByteBuffer.allocate(OVERHEAD + body.length).order(ByteOrder.LITTLE_ENDIAN);
        packet.put((byte) kind).putInt(sequence).putShort((short) body.length).put(body);
        return packet.putInt(StreamHeader.crc(packet.array(), 0, HEAD + body.length)).array();
    }

    /** The bits of the float16 that is exactly {@code number}, or -1 where there is none. */
    private static int half(float number) {
        int bits = Float.floatToRawIntBits(number);
        int sign = bits >>> 16 & 0x8000;
        int exponent = (bits >>> 23 & 0xff) - 127;
        int mantissa = bits & 0x7fffff | 0x800000;
        if (number == 0) {
            return sign;
        }
        if (exponent > 15 || exponent < -24) {
            return -1;
        }
        // Below 2^-14 float16 has no leading one, and a bit less for each power of two.
        int lost = exponent >= -14 ? 13 : -1 - exponent;
        if ((mantissa & (1 << lost) - 1) != 0) {
            return -1;
        }
        return sign | (exponent >= -14 ? exponent + 14 << 10 : 0) + (mantissa >> lost);
    }
}
