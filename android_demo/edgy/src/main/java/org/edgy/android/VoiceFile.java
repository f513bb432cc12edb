package org.edgy.android;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;

/** A voice as {@code edgy enrol} writes it, a NumPy {@code .npz}: the speaker embedding, and whose codebook it suits. */
final class VoiceFile {
    private static final String HINT = "make one with: edgy enrol";
    private static final int PREAMBLE = 10;
    private static final Pattern VECTOR = Pattern.compile("'descr': '<f4'.*'shape': \\((\\d+),\\)");
    private static final Pattern WORD = Pattern.compile("'descr': '<U(\\d+)'.*'shape': \\(\\)");

    /** 1 to 4096 finite numbers. */
    final float[] voice;
    /** Codebook that they belong to. */
    final String codebookId;

    /** @throws EdgyException.Model the bytes are no voice. */
    VoiceFile(byte[] npz) throws EdgyException.Model {
        float[] numbers = null;
        String owner = null;
        try (ZipInputStream zip = new ZipInputStream(new ByteArrayInputStream(npz))) {
            ZipEntry entry;
            while ((entry = zip.getNextEntry()) != null) {
                ByteArrayOutputStream member = new ByteArrayOutputStream();
                Streams.copy(zip, member);
                if (entry.getName().equals("voice.npy")) {
                    numbers = numbers(member.toByteArray());
                } else if (entry.getName().equals("codebook_id.npy")) {
                    owner = word(member.toByteArray());
                }
            }
            if (numbers == null || owner == null) {
                throw new IOException("a member is missing");
            }
            StreamWriter.checkVoice(numbers);
        } catch (IOException | IllegalArgumentException | IndexOutOfBoundsException error) {
            throw new EdgyException.Model("this file is not a voice; " + HINT, error);
        }
        voice = numbers;
        codebookId = owner;
    }

    private static float[] numbers(byte[] npy) throws IOException {
        ByteBuffer data = ByteBuffer.wrap(npy).order(ByteOrder.LITTLE_ENDIAN);
        float[] numbers = new float[count(VECTOR, npy, data, Float.BYTES)];
        data.asFloatBuffer().get(numbers);
        return numbers;
    }

    private static String word(byte[] npy) throws IOException {
        ByteBuffer data = ByteBuffer.wrap(npy).order(ByteOrder.LITTLE_ENDIAN);
        StringBuilder word = new StringBuilder();
        for (int left = count(WORD, npy, data, Integer.BYTES); left > 0; left--) {
            word.appendCodePoint(data.getInt());
        }
        return word.toString();
    }

    /** How many items a {@code .npy} of a type and shape has; puts {@code data} to the first of them. */
    private static int count(Pattern type, byte[] npy, ByteBuffer data, int bytes) throws IOException {
        int size = data.getShort(PREAMBLE - 2) & 0xffff;
        Matcher found = type.matcher(new String(npy, PREAMBLE, size, StandardCharsets.ISO_8859_1));
        if (!found.find()) {
            throw new IOException("another type or shape");
        }
        int items = Integer.parseInt(found.group(1));
        if ((long) items * bytes != npy.length - PREAMBLE - size) {
            throw new IOException("the data ends early or late");
        }
        data.position(PREAMBLE + size);
        return items;
    }
}
