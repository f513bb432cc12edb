package org.edgy.android;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;

/** What Python has written for the tests, in the folder that the property {@code edgy.golden} names. */
final class Golden {
    static final File FOLDER = new File(System.getProperty("edgy.golden"));

    private Golden() {}

    static byte[] bytes(String name) throws IOException {
        return Streams.readAll(new File(FOLDER, name));
    }

    /** Numbers between white space. */
    static int[] numbers(String name) throws IOException {
        return numbersOf(new String(bytes(name), StandardCharsets.UTF_8));
    }

    static int[] numbersOf(String text) {
        String[] words = text.trim().isEmpty() ? new String[0] : text.trim().split("\\s+");
        int[] numbers = new int[words.length];
        for (int i = 0; i < words.length; i++) {
            numbers[i] = Integer.parseInt(words[i]);
        }
        return numbers;
    }

    /** Little-endian int16 samples. */
    static short[] samples(String name) throws IOException {
        byte[] bytes = bytes(name);
        short[] pcm = new short[bytes.length / 2];
        for (int i = 0; i < pcm.length; i++) {
            pcm[i] = (short) (bytes[2 * i] & 0xff | bytes[2 * i + 1] << 8);
        }
        return pcm;
    }
}
